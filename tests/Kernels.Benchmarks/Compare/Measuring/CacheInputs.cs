using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// The random keys and values that a work's cache is filled with. Neighbouring sequences, layers and pieces of a sequence have different
/// ones, so that outputs made of another's are not the right ones.
/// </summary>
internal sealed class CacheInputs<TElement> : IDisposable
    where TElement : unmanaged
{
    // Elements of keys that are appended at a time.
    private const int PieceElements = 1 << 22;

    private const int Variants = 3;
    private const int FirstSeed = 2;

    private readonly Work work;
    private readonly TElement[][] keys;
    private readonly TElement[][] values;
    private readonly Dictionary<int, DeviceBuffer<TElement>[]> uploads = [];

    public CacheInputs(Work work)
    {
        this.work = work;
        keys = [.. Enumerable.Range(0, Variants).Select(variant => Create(work.HeadDim, FirstSeed + (2 * variant)))];
        values = [.. Enumerable.Range(0, Variants).Select(variant => Create(work.ValueDim, FirstSeed + (2 * variant) + 1))];
    }

    /// <summary>Tokens that are appended at a time, where so many are to be.</summary>
    public int Piece(int tokens) => Math.Min(Math.Max(1, PieceElements / (work.KvHeads * work.HeadDim)), tokens);

    /// <summary>The keys and values of a piece, on a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pieceTokens">Tokens of a piece.</param>
    /// <param name="sequence">Index of the sequence.</param>
    /// <param name="piece">Index of the piece among those that are appended to it together.</param>
    /// <param name="layer">The layer.</param>
    public (DeviceBuffer<TElement> Keys, DeviceBuffer<TElement> Values) Upload(
        ComputeDevice device, int pieceTokens, int sequence, int piece, int layer)
    {
        if (!uploads.TryGetValue(pieceTokens, out DeviceBuffer<TElement>[]? buffers))
        {
            buffers = [.. keys.Concat(values).Select((data, i) =>
                device.Upload<TElement>(
                    RandomData.Repeat(data, (long)pieceTokens * work.KvHeads * (i < Variants ? work.HeadDim : work.ValueDim))))];
            uploads.Add(pieceTokens, buffers);
        }

        int variant = Variant(sequence, piece, layer);
        return (buffers[variant], buffers[Variants + variant]);
    }

    /// <summary>The first keys of a sequence and a KV head [count, d_qk] and their values [count, d_v].</summary>
    public (double[] Keys, double[] Values) Rows(int sequence, int layer, int head, int count)
    {
        double[] keyRows = new double[(long)count * work.HeadDim], valueRows = new double[(long)count * work.ValueDim];
        for (int position = 0; position < count; position++)
        {
            // Shared keys are those of the first sequence, filled by themselves.
            bool shared = position < work.SharedKeys;
            int at = shared ? position : position - work.SharedKeys;
            int piece = Piece(shared ? work.SharedKeys : work.Sequence - work.SharedKeys);
            int variant = Variant(shared ? 0 : sequence, at / piece, layer);
            long row = ((long)(at % piece) * work.KvHeads) + head;
            Span<double> key = keyRows.AsSpan(position * work.HeadDim, work.HeadDim), value = valueRows.AsSpan(
                position * work.ValueDim, work.ValueDim);
            Copy(keys[variant], row * work.HeadDim, key);
            if (work.Latent)
            {
                key[..work.ValueDim].CopyTo(value);
            }
            else
            {
                Copy(values[variant], row * work.ValueDim, value);
            }
        }

        return (keyRows, valueRows);
    }

    /// <summary>Frees what was uploaded.</summary>
    public void Dispose()
    {
        foreach (DeviceBuffer<TElement> buffer in uploads.Values.SelectMany(buffers => buffers))
        {
            buffer.Dispose();
        }

        uploads.Clear();
    }

    private static int Variant(int sequence, int piece, int layer) => (sequence + piece + layer) % Variants;

    private static void Copy(TElement[] data, long begin, Span<double> row)
    {
        for (int d = 0; d < row.Length; d++)
        {
            row[d] = RandomData.ToSingle(data[(begin + d) % data.Length]);
        }
    }

    // As many numbers as the longest piece has, or as differ.
    private TElement[] Create(int dim, int seed) =>
        RandomData.Create<TElement>(Math.Min(RandomData.Period, (long)Piece(work.Sequence) * work.KvHeads * dim), seed);
}
