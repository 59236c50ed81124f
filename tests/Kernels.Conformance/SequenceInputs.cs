namespace Kernels.Conformance;

/// <summary>Random queries, keys and values of one sequence: as the device gets them, and as the reference does.</summary>
internal sealed class SequenceInputs<T> where T : unmanaged
{
    public SequenceInputs(AttentionCase test, int queries, int keys, Random random)
    {
        AttentionShape shape = test.Shape;
        if (test.LogitOffset == 0)
        {
            Queries = Normal(queries * shape.QueryHeads * shape.HeadDim, random);
            Keys = Normal(keys * shape.KvHeads * shape.HeadDim, random);
        }
        else
        {
            // Every q·k is the offset.
            Queries = Constant(queries * shape.QueryHeads * shape.HeadDim, 1);
            Keys = Constant(keys * shape.KvHeads * shape.HeadDim, (float)test.LogitOffset / shape.HeadDim);
        }

        Values = Normal(keys * shape.KvHeads * shape.ValueDim, random);
        ReferenceQueries = Array.ConvertAll(Queries, x => (double)Elements.ToFloat(x));

        // The cache rounds what it is given; the reference starts from what the cache holds.
        ReferenceKeys = Array.ConvertAll(Keys, x => Elements.Round(shape.CacheStorage, Elements.ToFloat(x)));
        ReferenceValues = Array.ConvertAll(Values, x => Elements.Round(shape.CacheStorage, Elements.ToFloat(x)));
    }

    public T[] Queries { get; }

    public T[] Keys { get; }

    public T[] Values { get; }

    public double[] ReferenceQueries { get; }

    public double[] ReferenceKeys { get; }

    public double[] ReferenceValues { get; }

    private static T[] Constant(int length, float value)
    {
        var data = new T[length];
        data.AsSpan().Fill(Elements.From<T>(value));
        return data;
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
