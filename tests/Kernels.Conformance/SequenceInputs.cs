namespace Kernels.Conformance;

/// <summary>Random queries, keys and values of one sequence: as the device gets them, and as the reference does.</summary>
internal sealed class SequenceInputs<T> where T : unmanaged
{
    private const float NearHalfLargest = 60000;

    private readonly AttentionShape shape;
    private readonly int tokens;

    /// <param name="test">The case.</param>
    /// <param name="queries">s_q.</param>
    /// <param name="keys">s_k.</param>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="rope">The angles, of a shape with rope.</param>
    /// <param name="parent">The sequence that this one was forked from, or null.</param>
    /// <param name="shared">Tokens that the parent had then.</param>
    public SequenceInputs(
        AttentionCase test, int queries, int keys, Random random, RopeTable? rope, SequenceInputs<T>? parent = null, int shared = 0)
    {
        shape = test.Shape;
        tokens = keys;
        if (test.HasHugeLogits)
        {
            // Keys that count have the same bits, so that kernels that add up in another order make the same of each.
            float[] ofKeys = [NearHalfLargest, -NearHalfLargest, NearHalfLargest / 2, 0];
            Queries = Rows(queries * shape.QueryHeads, row => row % 2 == 0 ? NearHalfLargest : -NearHalfLargest);
            Keys = Rows(keys * shape.KvHeads, row => ofKeys[row / shape.KvHeads % ofKeys.Length]);
        }
        else if (test.LogitOffset == 0)
        {
            Queries = Draw(queries * shape.QueryHeads, shape.HeadDim);
            Keys = Draw(keys * shape.KvHeads, shape.HeadDim);
        }
        else
        {
            // Every q·k is the offset.
            Queries = Rows(queries * shape.QueryHeads, _ => 1);
            Keys = Rows(keys * shape.KvHeads, _ => (float)test.LogitOffset / shape.HeadDim);
        }

        Values = shape.LatentCache ? [] : Draw(keys * shape.KvHeads, shape.ValueDim);
        parent?.Keys.AsSpan(0, shared * shape.KvHeads * shape.HeadDim).CopyTo(Keys);
        parent?.Values.AsSpan(0, shape.LatentCache ? 0 : shared * shape.KvHeads * shape.ValueDim).CopyTo(Values);
        if (test.Poison is { } poison)
        {
            PutPoison(poison, queries, keys, whole: test.Seed % 2 == 0 && !(shape.LatentCache && poison.IsLarge));
        }

        ReferenceQueries = Wide(Queries);
        ExactKeys = Wide(Keys);
        if (rope is not null)
        {
            ReferenceQueries = ReferenceRope.Turn(shape, ReferenceQueries, shape.QueryHeads, keys - queries, rope);
            ExactKeys = [.. Enumerable.Range(0, keys * shape.KvHeads).SelectMany(row =>
                RopeRow.Turn<T>(shape, Keys.AsSpan(row * shape.HeadDim, shape.HeadDim), row / shape.KvHeads, rope)).Select(x => (double)x)];
        }

        ExactValues = shape.LatentCache ? LatentValues(ExactKeys) : Wide(Values);
        ReferenceKeys = ExactKeys;
        ReferenceValues = ExactValues;

        T[] Rows(int rows, Func<int, float> element) =>
            [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Repeat(Elements.From<T>(element(row)), shape.HeadDim))];

        T[] Draw(int rows, int dim) => test.HasExactInputs ? Sixteenths(rows, dim, random) : Normal(rows * dim, random);
    }

    /// <summary>In the middle: some rows see it where a mask hides what lies behind, before or elsewhere.</summary>
    private void PutPoison(Poison poison, int queries, int keys, bool whole)
    {
        float number = poison.Number(shape.Storage, shape.CacheStorage);
        if (poison.Place == PoisonPlace.Query && queries > 0)
        {
            poison.Put(Queries, queries / 2, shape.QueryHeads, shape.HeadDim, 0, shape.HeadDim, whole, number);
        }

        // In a latent row, those of the value are also the key's, those after them the key's only.
        int keyBegin = shape.LatentCache && shape.HeadDim > shape.ValueDim ? shape.ValueDim : 0;
        foreach (int token in keys == 0 ? [] : new[] { keys * 5 / 8, keys - 1 }.Distinct())
        {
            if (poison.Place == PoisonPlace.Key)
            {
                poison.Put(Keys, token, shape.KvHeads, shape.HeadDim, keyBegin, shape.HeadDim, whole, number);
            }
            else if (poison.Place == PoisonPlace.Value)
            {
                poison.Put(
                    shape.LatentCache ? Keys : Values, token, shape.KvHeads, shape.LatentCache ? shape.HeadDim : shape.ValueDim, 0,
                    shape.ValueDim, whole, number);
            }
        }
    }

    public T[] Queries { get; }

    public T[] Keys { get; }

    public T[] Values { get; }

    public double[] ReferenceQueries { get; }

    /// <summary>The keys as they were appended; turned, where there is rope.</summary>
    public double[] ExactKeys { get; }

    /// <summary>The values as they were appended.</summary>
    public double[] ExactValues { get; }

    /// <summary>The keys that the reference starts from: those that the cache holds.</summary>
    public double[] ReferenceKeys { get; private set; }

    /// <summary>The values that the reference starts from: those that the cache holds.</summary>
    public double[] ReferenceValues { get; private set; }

    /// <summary>Takes over what the cache holds.</summary>
    /// <returns>What is wrong with it, or null: it must be what was appended, as near as the cache's type has it.</returns>
    public string? TakeFrom(CacheContents cache, SequenceHandle sequence)
    {
        (ReferenceKeys, float[] keyScales) = cache.Keys(sequence, tokens);
        if (shape.LatentCache)
        {
            ReferenceValues = LatentValues(ReferenceKeys);
            return Difference("key", ExactKeys, ReferenceKeys, keyScales, shape.HeadDim);
        }

        (ReferenceValues, float[] valueScales) = cache.Values(sequence, tokens);
        return Difference("key", ExactKeys, ReferenceKeys, keyScales, shape.HeadDim)
            ?? Difference("value", ExactValues, ReferenceValues, valueScales, shape.ValueDim);
    }

    private string? Difference(string what, double[] appended, double[] held, float[] scales, int dim)
    {
        for (int i = 0; i < appended.Length; i++)
        {
            ElementType type = shape.CacheScale == CacheScale.PerGroup && i % dim >= shape.ValueDim
                ? ElementType.BFloat16 : shape.CacheStorage;
            double expected = type.Scale() == CacheScale.None ? Elements.Round(type, appended[i])
                // No scale holds the row, or the type has no infinity.
                : float.IsNaN(scales[i]) || !double.IsFinite(appended[i]) ? double.NaN
                : appended[i];
            double allowed = CacheRow.LargestError(type, appended[i], scales[i]);
            if (!held[i].Equals(expected) && !(Math.Abs(held[i] - expected) <= allowed * (1 + 1e-6)))
            {
                return $"the cache holds {held[i]:G9} as element {i % dim} of the {what} of token {i / dim / shape.KvHeads}, head "
                    + $"{i / dim % shape.KvHeads}; {appended[i]:G9} was appended, {allowed:G3} off is allowed";
            }
        }

        return null;
    }

    private double[] LatentValues(double[] keys) =>
        [.. Enumerable.Range(0, keys.Length / shape.HeadDim).SelectMany(row => keys.AsSpan(row * shape.HeadDim, shape.ValueDim).ToArray())];

    private static double[] Wide(T[] data) => Array.ConvertAll(data, x => (double)Elements.ToFloat(x));

    /// <summary>
    /// Sixteenths that e4m3 has; the largest in each group of 128 makes its scale a power of two, so that nothing is rounded.
    /// </summary>
    private static T[] Sixteenths(int rows, int dim, Random random)
    {
        const int largest = 14;
        return [.. Enumerable.Range(0, rows * dim)
            .Select(i => Elements.From<T>((i % dim % 128 == 0 ? largest : random.Next(-largest, largest + 1)) / 16f))];
    }

    private static T[] Normal(int length, Random random)
    {
        var data = new T[length];
        for (int i = 0; i < length; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            data[i] = Elements.From<T>((float)(radius * Math.Cos(2 * Math.PI * random.NextDouble())));
        }

        return data;
    }
}
