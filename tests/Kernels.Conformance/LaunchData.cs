using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// Random inputs of a launch beside queries, keys and values: on the device as the launcher takes them, and by sequence as the reference
/// does.
/// </summary>
internal sealed class LaunchData : IDisposable
{
    private readonly AttentionCase test;
    private readonly ReferenceOptions mods;
    private readonly float[] sinks;
    private readonly int[][] documents;
    private readonly bool[][] visible;
    private readonly float[] bias = [];
    private readonly (int Requests, int Heads, int Queries, int Keys) biasAxes;
    private readonly List<IDisposable> buffers = [];

    public LaunchData(AttentionCase test, Random random, ReferenceOptions mods)
    {
        this.test = test;
        this.mods = mods;
        sinks = [.. Enumerable.Range(0, test.Shape.QueryHeads).Select(_ => (float)((4 * random.NextDouble()) - 1))];
        documents = [.. test.Lengths.Select(pair => Documents(pair.Keys, random))];
        visible = [.. test.Lengths.Select((pair, sequence) => Visible(sequence, pair.Keys, random))];
        if (test.Shape.Rope != RopeStyle.None)
        {
            int positions = Math.Max(1, test.Lengths.Max(pair => pair.Keys));
            Rope = test.Seed % 2 == 0
                ? RopeTable.Plain(positions, test.Shape.RotaryDim)
                : RopeTable.Yarn(positions, test.Shape.RotaryDim, 10000, new YarnScaling(4, 128) { Mscale = 0.7 });
        }

        if (test.Shape.Bias)
        {
            biasAxes = (
                test.HasBiasOfRequest ? test.Lengths.Count : 1, test.HasBiasOfHead ? test.Shape.QueryHeads : 1,
                test.HasBiasOfQuery ? test.Lengths.Max(pair => pair.Queries) + 1 : 1, test.Lengths.Max(pair => pair.Keys) + 3);
            bias = [.. Enumerable.Range(0, biasAxes.Requests * biasAxes.Heads * biasAxes.Queries * biasAxes.Keys)
                .Select(_ => random.Next(16) == 0 ? float.NegativeInfinity : (float)((4 * random.NextDouble()) - 2))];
        }

        if (test.Poison is { } poison)
        {
            PutPoison(poison);
        }
    }

    /// <summary>Into the sink of one head; into the bias of one key for each query, and of all keys for the second.</summary>
    private void PutPoison(Poison poison)
    {
        float number = poison.Number(ElementType.Float32, ElementType.Float32);
        if (poison.Place == PoisonPlace.Sink)
        {
            sinks[test.Shape.QueryHeads / 2] = number;
        }
        else if (poison.Place == PoisonPlace.Bias)
        {
            for (int row = 0; row < bias.Length / biasAxes.Keys; row++)
            {
                Span<float> keys = bias.AsSpan(row * biasAxes.Keys, biasAxes.Keys);
                (row % biasAxes.Queries == 1 ? keys : keys.Slice(row * 7 % keys.Length, 1)).Fill(number);
            }
        }
    }

    /// <summary>The angles of a shape with rope.</summary>
    public RopeTable? Rope { get; }

    /// <summary>What the shape takes, on the device.</summary>
    public AttentionInputs Upload(ComputeDevice device)
    {
        AttentionShape shape = test.Shape;
        KeyMask? keyPadding = null;
        if (shape.KeyPadding)
        {
            // Rows are longer than the longest sequence.
            int keys = visible.Max(row => row.Length) + 2;
            byte[] bytes =
                [.. visible.SelectMany(
                    row => row.Select(seen => (byte)(seen ? 0x80 : 0)).Concat(Enumerable.Repeat((byte)1, keys - row.Length)))];
            keyPadding = new KeyMask(Upload<byte>(bytes), visible.Length, keys);
        }

        return new AttentionInputs
        {
            Sinks = shape.Sinks ? Upload<float>(sinks) : null,
            Documents = shape.Documents ? Upload<int>([.. documents.SelectMany(ids => ids).DefaultIfEmpty()]) : null,
            KeyPadding = keyPadding,
            Bias = shape.Bias ? new AttentionBias(Upload<float>(bias), biasAxes.Requests, biasAxes.Heads, biasAxes.Queries, biasAxes.Keys)
                : null,
            Rope = Rope is null ? null : new DeviceRopeTable(Upload<float>(Rope.Values.ToArray()), Rope.Positions, Rope.RotaryDim),
        };

        DeviceBuffer<TItem> Upload<TItem>(TItem[] data) where TItem : unmanaged
        {
            DeviceBuffer<TItem> buffer = device.Upload<TItem>(data);
            buffers.Add(buffer);
            return buffer;
        }
    }

    /// <summary>The inputs of one sequence.</summary>
    public ReferenceOptions Of(int sequence) => mods with
    {
        Sinks = sinks,
        PrefixLength = test.PrefixLength,
        Documents = documents[sequence],
        KeyPadding = visible[sequence],
        Batch = sequence,
        Bias = (head, query, key) => bias[
            (((((biasAxes.Requests == 1 ? 0 : sequence) * biasAxes.Heads) + (biasAxes.Heads == 1 ? 0 : head)) * biasAxes.Queries)
                + (biasAxes.Queries == 1 ? 0 : query)) * biasAxes.Keys + key],
    };

    public void Dispose() => buffers.ForEach(buffer => buffer.Dispose());

    /// <summary>Documents of all lengths, one of them in two pieces.</summary>
    private static int[] Documents(int keys, Random random)
    {
        int[] ids = new int[keys];
        for (int key = 0, id = 7; key < keys; id++)
        {
            int length = random.Next(3) == 0 ? 1 : random.Next(1, 90);
            for (int end = Math.Min(keys, key + length); key < end; key++)
            {
                ids[key] = id % 5 == 0 ? -1 : id;
            }
        }

        return ids;
    }

    /// <summary>In turn: padding at the end, padding at the beginning, holes, and nothing at all to be seen.</summary>
    private static bool[] Visible(int sequence, int keys, Random random)
    {
        int padding = random.Next(keys / 2 + 1);
        return [.. Enumerable.Range(0, keys).Select(key => (sequence % 4) switch
        {
            0 => key < keys - padding,
            1 => key >= padding,
            2 => random.Next(4) != 0,
            _ => false,
        })];
    }
}
