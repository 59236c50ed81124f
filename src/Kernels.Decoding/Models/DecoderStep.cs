using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>What the parts of a decoder work with during a step: the tokens of one or more sequences, packed.</summary>
internal sealed class DecoderStep : IDisposable
{
    private readonly ComputeDevice device;
    private readonly Dictionary<string, DeviceBuffer> scratch = new(StringComparer.Ordinal);
    private readonly int originalPositions;
    private readonly UploadRing uploads;
    private int[] packed = [];
    private int drawsAt;
    private DeviceBuffer<int>? ids;
    private DeviceBuffer<int>? positions;
    private DeviceBuffer<int>? turns;
    private DeviceBuffer<int>? drawn;

    /// <param name="device">The device.</param>
    /// <param name="kernels">The layers as kernels.</param>
    /// <param name="attention">The attention of all layers.</param>
    /// <param name="hiddenSize">Elements of the residual stream.</param>
    /// <param name="originalPositions">Tokens from which on a text turns as long ones do; 0: all turn alike.</param>
    internal DecoderStep(ComputeDevice device, LayerKernels kernels, IDecoderAttention attention, int hiddenSize, int originalPositions = 0)
    {
        this.device = device;
        this.originalPositions = originalPositions;
        Kernels = kernels;
        Attention = attention;
        HiddenSize = hiddenSize;
        uploads = new UploadRing(device);
    }

    /// <summary>The layers as kernels.</summary>
    public LayerKernels Kernels { get; }

    /// <summary>The attention of all layers.</summary>
    public IDecoderAttention Attention { get; }

    /// <summary>Elements of the residual stream.</summary>
    public int HiddenSize { get; }

    /// <summary>Tokens of the step, over all its sequences.</summary>
    public int Tokens { get; private set; }

    /// <summary>The tokens' ids, [tokens].</summary>
    public DeviceBuffer<int> Ids => ids!;

    /// <summary>The tokens' positions in their sequences, [tokens].</summary>
    public DeviceBuffer<int> Positions => positions!;

    /// <summary>
    /// The rows of a table that the tokens turn by, [tokens]: their positions, and those of long texts further back where it has them.
    /// </summary>
    public DeviceBuffer<int> RowsOf(RotaryTable table) => table.LongBegin > 0 ? turns! : Positions;

    /// <summary>The buffer of this name, of at least <paramref name="width"/> elements a token of the step.</summary>
    public DeviceBuffer<float> Scratch(string name, int width) => Scratch(name, Tokens, width);

    /// <inheritdoc cref="Scratch{T}"/>
    public DeviceBuffer<float> Scratch(string name, int rows, int width) => Scratch<float>(name, rows, width);

    /// <summary>
    /// The buffer of this name, of at least this many rows and elements a row. All layers share it; it is kept from step to
    /// step, and its content is lost when it grows.
    /// </summary>
    public DeviceBuffer<T> Scratch<T>(string name, int rows, int width) where T : unmanaged
    {
        long length = (long)rows * width;
        if (!scratch.TryGetValue(name, out DeviceBuffer? buffer) || ((DeviceBuffer<T>)buffer).Length < length)
        {
            // Commands under way keep the old memory; it is freed first so that the two need not fit side by side.
            buffer?.Dispose();
            scratch.Remove(name);
            buffer = device.Allocate<T>(length);
            scratch.Add(name, buffer);
        }

        return (DeviceBuffer<T>)buffer;
    }

    /// <summary>The buffer of this name, in the type of attention's queries, keys, values and outputs.</summary>
    public DeviceBuffer AttentionScratch(string name, int rows, int width) => Attention.Storage switch
    {
        ElementType.Float16 => Scratch<Half>(name, rows, width),
        ElementType.BFloat16 => Scratch<BFloat16>(name, rows, width),
        _ => Scratch(name, rows, width),
    };

    /// <summary>Heads for attention to read: these, or where it does not keep float32 a copy in its own type.</summary>
    /// <param name="name">A buffer for the copy.</param>
    /// <param name="values">[rows, heads, headDim].</param>
    /// <param name="heads">Heads, packed.</param>
    /// <param name="rows">Rows.</param>
    public DeviceBuffer ToAttention(string name, DeviceBuffer<float> values, HeadSlice heads, int rows)
    {
        if (Attention.Storage == ElementType.Float32)
        {
            return values;
        }

        DeviceBuffer copy = AttentionScratch(name, rows, heads.Width);
        Kernels.CopyHeads(values, heads, copy, heads, rows);
        return copy;
    }

    /// <summary>
    /// Where attention writes what <see cref="FromAttention"/> brings to <paramref name="target"/>: there at once if it keeps float32.
    /// </summary>
    /// <param name="name">A buffer for it otherwise.</param>
    /// <param name="target">[rows, width].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    public DeviceBuffer AttentionTarget(string name, DeviceBuffer<float> target, int rows, int width) =>
        Attention.Storage == ElementType.Float32 ? target : AttentionScratch(name, rows, width);

    /// <summary>Brings what attention wrote to where it belongs.</summary>
    /// <param name="outputs">The buffer of <see cref="AttentionTarget"/>.</param>
    /// <param name="target">[rows, heads, headDim].</param>
    /// <param name="heads">Heads, packed.</param>
    /// <param name="rows">Rows.</param>
    public void FromAttention(DeviceBuffer outputs, DeviceBuffer<float> target, HeadSlice heads, int rows)
    {
        if (outputs != target)
        {
            Kernels.CopyHeads(outputs, heads, target, heads, rows);
        }
    }

    /// <summary>Enqueues a copy of elements between buffers.</summary>
    internal void Copy(DeviceBuffer<float> source, long from, DeviceBuffer<float> target, long to, long length) =>
        device.Queue.SubmitCopy(source, from, target, to, length);

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        foreach (DeviceBuffer buffer in scratch.Values)
        {
            buffer.Dispose();
        }

        uploads.Dispose();
        ids?.Dispose();
        positions?.Dispose();
        turns?.Dispose();
        drawn?.Dispose();
    }

    /// <summary>Takes the tokens of a step, before attention makes their sequences longer.</summary>
    /// <param name="tokens">The tokens; −1 − r is the one that was drawn in row r of the step before.</param>
    /// <param name="sequences">Each sequence with the number of its new tokens.</param>
    /// <param name="expected">How many tokens each sequence is known to get at least.</param>
    /// <param name="draws">What is drawn behind the step; null for nothing.</param>
    internal void Begin(
        ReadOnlySpan<int> tokens, ReadOnlySpan<(int Sequence, int Tokens)> sequences, ReadOnlySpan<int> expected, StepDraws? draws = null)
    {
        Tokens = tokens.Length;
        device.Grow(ref ids, Tokens);
        device.Grow(ref positions, Tokens);
        int kinds = 2;
        if (originalPositions > 0)
        {
            device.Grow(ref turns, Tokens);
            kinds = 3;
        }

        drawsAt = kinds * Tokens;
        int words = drawsAt + (draws?.Words ?? 0);
        if (packed.Length < words)
        {
            packed = new int[Math.Max(words, (int)Math.Min(Array.MaxLength, 2L * packed.Length))];
        }

        tokens.CopyTo(packed);
        Span<int> hostPositions = packed.AsSpan(Tokens, Tokens);
        Span<int> hostTurns = packed.AsSpan(2 * Tokens, originalPositions > 0 ? Tokens : 0);
        int next = 0;
        foreach ((int sequence, int count) in sequences)
        {
            int first = Attention.Length(sequence);

            // A step that begins a text of which nothing was told is the prompt.
            int known = expected[sequence] > 0 ? expected[sequence] : first == 0 ? count : 0;
            for (int i = 0; i < count; i++, next++)
            {
                int position = first + i;
                hostPositions[next] = position;
                if (originalPositions > 0)
                {
                    hostTurns[next] = Math.Max(known, position + 1) > originalPositions ? originalPositions + position : position;
                }
            }
        }

        if (draws is null)
        {
            // Blocking, but the queue is empty: a step without draws ends with reading its logits.
            device.Queue.Write(ids!, tokens);
            device.Queue.Write<int>(positions!, hostPositions);
            if (turns is not null)
            {
                device.Queue.Write<int>(turns, hostTurns);
            }

            return;
        }

        draws.Write(packed.AsSpan(drawsAt));
        uploads.Upload(packed.AsSpan(0, words));
        Kernels.BeginStep(uploads.Current, drawn ?? uploads.Current, ids!, positions!, turns, Tokens);
    }

    /// <summary>Enqueues the draws that the step began with.</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="draws">The same draws.</param>
    /// <param name="vocabulary">Logits of a row.</param>
    /// <returns>[rows]: the tokens, which the next step can begin with.</returns>
    internal DeviceBuffer<int> Draw(DeviceBuffer<float> logits, StepDraws draws, int vocabulary)
    {
        device.Grow(ref drawn, draws.Rows);
        Kernels.DrawTokens(logits, draws, uploads.Current, drawsAt, drawn!, vocabulary);
        return drawn!;
    }
}
