using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Attention whose steps can be divided: some of a step's sequences attend over the cache as it is, and of others the cached rows are
/// read, for another attention to work on.
/// </summary>
internal interface IDivisibleAttention : IDecoderAttention
{
    /// <summary>The element type of cached rows.</summary>
    ElementType RowType { get; }

    /// <summary>
    /// Lets only the last tokens of some sequences attend in the step that has begun: queries and outputs are packed in this order. What
    /// is appended stays the same.
    /// </summary>
    /// <param name="queries">Each sequence, once, with the number of its tokens.</param>
    void Attending(ReadOnlySpan<(int Sequence, int Tokens)> queries);

    /// <summary>The keys of a layer with one KV head as they lie in memory, [slots, d].</summary>
    /// <param name="layer">The layer.</param>
    DeviceBuffer<byte> Rows(int layer);

    /// <summary>The slots of a sequence's first tokens.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="slots">Receives as many as it has room for, no more than the sequence has tokens.</param>
    void Slots(int sequence, Span<int> slots);
}
