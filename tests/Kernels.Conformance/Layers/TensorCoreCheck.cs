using Kernels.Decoding;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Linear layers by tensor cores against double precision: every kernel, with sizes below, at and above its tiles.</summary>
/// <param name="Type">The weights' type.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Magnitude">The size of the inputs.</param>
internal sealed record TensorCoreCheck(ElementType Type, int Tokens, int Columns, int Rows, float Magnitude = 1)
{
    // Of sums of magnitudes: two parts have 16 bits of bfloat16, 22 of float16.
    private double ExactTolerance => Type == ElementType.BFloat16 ? 1.0 / (1 << 16) : 2e-6;

    private static readonly (int Tokens, int Columns, int Rows)[] Sizes =
    [
        (1, 8, 16), (1, 4096, 1030), (3, 72, 1000), (8, 200, 26), (8, 2048, 512), (9, 72, 100), (16, 1048, 264), (17, 64, 130),
        (32, 520, 1000),
        (33, 72, 64), (64, 1032, 300), (65, 72, 1000), (127, 136, 257), (128, 4096, 128), (150, 520, 1000), (300, 2048, 40),
        (1100, 128, 700),
        (257, 64, 5000),
    ];

    /// <summary>Every check.</summary>
    public static IEnumerable<TensorCoreCheck> All =>
        from type in (ElementType[])[ElementType.BFloat16, ElementType.Float16]
        from size in Sizes
        from magnitude in (float[])[1, 1e7f]
        where magnitude == 1 || size.Columns < 100
        select new TensorCoreCheck(type, size.Tokens, size.Columns, size.Rows, magnitude);

    /// <summary>Runs it.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Run(ComputeDevice device)
    {
        using var kernels = new LayerKernels(device);
        return Type == ElementType.Float16 ? Run(device, kernels, v => (Half)v, v => (float)v) : Run(
            device, kernels, v => (BFloat16)v, v => (float)v);
    }

    private string? Run<T>(ComputeDevice device, LayerKernels kernels, Func<float, T> round, Func<T, float> widen) where T : unmanaged
    {
        var random = new Random(HashCode.Combine(Tokens, Columns, Rows));
        float[] Values(long count, float size) =>
            [.. Enumerable.Range(0, checked((int)count)).Select(_ => ((random.NextSingle() * 2) - 1) * size)];
        float[] x = Values((long)Tokens * Columns, Magnitude);
        T[] stored = [.. Values((long)Rows * Columns, 1).Select(round)];
        float[] w = [.. stored.Select(widen)];
        float[] bias = Values(Rows, 1), before = Values((long)Tokens * Rows, 1), norm = Values(Columns, 1);
        using DeviceBuffer<float> xs = device.Upload<float>(x), biases = device.Upload<float>(bias), norms = device.Upload<float>(norm);
        using WeightMatrix matrix = kernels.Arrange(WeightMatrix.From(device.Upload<T>(stored), Rows, Columns));
        if (matrix.Layout != WeightLayout.Blocks)
        {
            return "is not in blocks";
        }

        using DeviceBuffer<float> y = device.Upload<float>(before);
        kernels.Linear(xs, matrix, biases, y, Tokens, accumulate: true);
        string? wrong = Compare(
            "linear", Read(device, y), Rows,
            (t, r) => Sum(i => x[(t * Columns) + i], t, r, bias[r], before[(t * Rows) + r], rounded: Tokens > 64));
        if (wrong is not null)
        {
            return wrong;
        }

        // With the norm before it, and through a gate.
        var root = new double[Tokens];
        for (int t = 0; t < Tokens; t++)
        {
            root[t] = Math.Sqrt(x.Skip(t * Columns).Take(Columns).Average(v => (double)v * v) + 1e-5);
        }

        (double Value, double Size) Normed(int t, int r) =>
            Sum(i => x[(t * Columns) + i] * (double)norm[i] / root[t], t, r, bias[r], 0, rounded: Tokens > 64);
        kernels.LinearFused(xs, matrix, biases, y, Tokens, new RmsNorm(norms, 1e-5));
        wrong = Compare("normed", Read(device, y), Rows, Normed);
        if (wrong is null && Rows % 2 == 0 && kernels.Gates(matrix, Tokens))
        {
            kernels.LinearGated(xs, matrix, biases, y, Tokens, new RmsNorm(norms, 1e-5), Activation.Silu);
            wrong = Compare("gated", Read(device, y)[..(Tokens * Rows / 2)], Rows / 2, (t, r) =>
            {
                (double gate, double gateSize) = Normed(t, r);
                (double value, double valueSize) = Normed(t, (Rows / 2) + r);
                double open = gate / (1 + Math.Exp(-gate));
                return (open * value, (gateSize * Math.Abs(value) * 1.1) + (Math.Abs(open) * valueSize));
            });
        }

        if (wrong is not null)
        {
            return wrong;
        }

        // Inputs in the weights' type, and ones that a gate makes.
        T[] own = [.. Values((long)Tokens * Columns, 1).Select(round)];
        using DeviceBuffer<T> owns = device.Upload<T>(own);
        kernels.LinearFused(owns, matrix, bias: null, y, Tokens);
        wrong = Compare("own type", Read(device, y), Rows, (t, r) => Sum(i => widen(own[(t * Columns) + i]), t, r, 0, 0, rounded: false));
        float[] pairs = Values(2L * Tokens * Columns, 3);
        using DeviceBuffer<float> gates = device.Upload<float>(pairs);
        kernels.LinearFused(gates, matrix, bias: null, y, Tokens, gate: Activation.Silu);
        return wrong ?? Compare("of gates", Read(device, y), Rows, (t, r) => Sum(
            i => pairs[(2 * t * Columns) + i] / (1 + Math.Exp(-pairs[(2 * t * Columns) + i])) * pairs[((2 * t) + 1) * Columns + i],
            t, r, 0, 0, rounded: Tokens > 64));

        (double Value, double Size) Sum(Func<int, double> input, int t, int r, double start, double more, bool rounded)
        {
            double sum = start + more, size = Math.Abs(start) + Math.Abs(more);
            for (int i = 0; i < Columns; i++)
            {
                double product = input(i) * w[(r * Columns) + i];
                sum += product;
                size += Math.Abs(product);
            }

            // One part is rounded to the type's bits.
            return (sum, rounded ? size * (Type == ElementType.BFloat16 ? 1.0 / 256 : 1.0 / 2048) / ExactTolerance : size);
        }
    }

    private string? Compare(string what, float[] actual, int rows, Func<int, int, (double Value, double Size)> expected)
    {
        // All of few, a sample of many.
        int step = Math.Max(1, actual.Length / 4000);
        for (int i = 0; i < actual.Length; i += step)
        {
            (double value, double size) = expected(i / rows, i % rows);
            if (!(Math.Abs(actual[i] - value) <= (size * ExactTolerance) + 1e-30))
            {
                return $"{what}: y[{i / rows}, {i % rows}] is {actual[i]}, not {value}";
            }
        }

        return null;
    }

    private static float[] Read(ComputeDevice device, DeviceBuffer<float> buffer)
    {
        var values = new float[buffer.Length];
        device.Queue.Read(buffer, values);
        return values;
    }
}
