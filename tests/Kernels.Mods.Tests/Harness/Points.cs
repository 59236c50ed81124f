namespace Kernels.Mods.Tests.Harness;

/// <summary>What a mod is called with, one element for each call.</summary>
internal sealed class Points
{
    /// <summary>Floats at which functions are special.</summary>
    public static readonly float[] SpecialFloats =
    [
        float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0f, -0f, 1f, -1f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 1e-30f, -1e30f,
        float.MaxValue, float.MinValue, 1.1754944e-38f, 2147483520f, 2147483648f, -2147483648f, -2147483904f, 4e9f, 8388609f, 16777217f,
        0.49999997f, 3.1415927f,
    ];

    /// <summary>Ints at which functions are special.</summary>
    public static readonly int[] SpecialInts =
        [0, 1, -1, 2, -2, 7, -7, 31, 32, 33, -31, 64, 1000, -1000, 65536, int.MaxValue, int.MaxValue - 1, int.MinValue, int.MinValue + 1,
            1 << 30, -(1 << 30)];

    private Points(int count)
    {
        Score = new float[count];
        Batch = new int[count];
        Head = new int[count];
        Query = new int[count];
        Key = new int[count];
    }

    public int Count => Score.Length;

    public float[] Score { get; }

    public int[] Batch { get; }

    public int[] Head { get; }

    public int[] Query { get; }

    public int[] Key { get; }

    /// <summary>Random calls as a kernel could make them, any score among them; a multiple of 16.</summary>
    /// <param name="count">How many.</param>
    /// <param name="length">Queries and keys are below this.</param>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="scores">Scores, or null for special ones and ones of every magnitude.</param>
    public static Points Random(int count, int length = int.MaxValue, int seed = 1, Func<Random, float>? scores = null)
    {
        var random = new Random(seed);
        var points = new Points((count + 15) / 16 * 16);
        for (int i = 0; i < points.Count; i++)
        {
            points.Score[i] = scores?.Invoke(random) ?? AnyFloat(random);
            points.Batch[i] = random.Next(4);
            points.Head[i] = random.Next(8);
            points.Query[i] = Position(random, length);
            points.Key[i] = Position(random, length);
        }

        return points;
    }

    /// <summary>All pairs of queries and keys below <paramref name="length"/>, with the heads going round.</summary>
    public static Points Square(int length)
    {
        var random = new Random(5);
        var points = new Points((length * length + 15) / 16 * 16);
        for (int i = 0; i < points.Count; i++)
        {
            points.Score[i] = (random.NextSingle() * 20) - 10;
            points.Batch[i] = i % 2;
            points.Head[i] = i / 3 % 8;
            points.Query[i] = i / length % length;
            points.Key[i] = i % length;
        }

        return points;
    }

    /// <summary>The given scores, filled up to a multiple of 16.</summary>
    public static Points OfScores(IReadOnlyList<float> scores)
    {
        var points = new Points((scores.Count + 15) / 16 * 16);
        for (int i = 0; i < points.Count; i++)
        {
            points.Score[i] = scores[i % scores.Count];
            points.Key[i] = i;
        }

        return points;
    }

    public static float AnyFloat(Random random) => random.Next(6) switch
    {
        0 => SpecialFloats[random.Next(SpecialFloats.Length)],
        1 => random.Next(-10, 11) * 0.5f,
        2 => (random.NextSingle() - 0.5f) * 100f,
        3 => Normal(random),
        _ => (random.NextSingle() - 0.5f) * 4f,
    };

    public static int AnyInt(Random random) => random.Next(4) switch
    {
        0 => SpecialInts[random.Next(SpecialInts.Length)],
        1 => random.Next(-20, 21),
        2 => random.Next(int.MinValue, int.MaxValue),
        _ => random.Next(-100_000, 100_000),
    };

    // Subnormal numbers are left out: a device may take them for 0.
    private static float Normal(Random random)
    {
        float value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
        return float.IsSubnormal(value) ? 1f : value;
    }

    private static int Position(Random random, int length) => random.Next(5) == 0
        ? Math.Min(SpecialInts[random.Next(SpecialInts.Length)] & int.MaxValue, length - 1)
        : random.Next(random.Next(1, Math.Min(length, 5000)));
}
