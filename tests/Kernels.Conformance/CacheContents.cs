using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Layer 0 of a cache, read back to the host.</summary>
internal sealed class CacheContents
{
    private readonly AttentionShape shape;
    private readonly byte[] keys;
    private readonly byte[] values;
    private readonly float[] keyScales;
    private readonly float[] valueScales;
    private readonly Func<SequenceHandle, int, int> slotOf;
    private readonly int slotsTogether;

    private CacheContents(
        AttentionShape shape, byte[] keys, byte[] values, float[] keyScales, float[] valueScales, Func<SequenceHandle, int, int> slotOf,
        int slotsTogether)
    {
        this.shape = shape;
        this.keys = keys;
        this.values = values;
        this.keyScales = keyScales;
        this.valueScales = valueScales;
        this.slotOf = slotOf;
        this.slotsTogether = slotsTogether;
    }

    /// <summary>Reads layer 0 of a cache.</summary>
    public static CacheContents Of<TSpec>(AttentionShape shape, IKvCache<TSpec> cache)
    {
        bool scaled = shape.CacheScale is CacheScale.PerToken or CacheScale.PerHead;
        (Func<SequenceHandle, int, int> slotOf, int slotsTogether) = cache switch
        {
            KvCache<TSpec> contiguous => ((sequence, token) => (sequence.Index * contiguous.Capacity) + token, contiguous.Capacity),
            PagedKvCache<TSpec> paged => (
                (Func<SequenceHandle, int, int>)((sequence, token) => (paged.GetPages(sequence)[token / paged.PageSize] * paged.PageSize)
                    + (token % paged.PageSize)),
                paged.PageSize),
            _ => throw new ArgumentException($"Not a cache that is known: {cache.GetType()}.", nameof(cache)),
        };
        return new(
            shape, Read(cache.GetKeys(0)), Read(cache.GetValues(0)),
            scaled ? MemoryMarshal.Cast<byte, float>(Read(cache.GetKeyScales(0))).ToArray() : [],
            scaled ? MemoryMarshal.Cast<byte, float>(Read(cache.GetValueScales(0))).ToArray() : [],
            slotOf, slotsTogether);
    }

    /// <summary>
    /// The keys of a sequence's first tokens as the cache holds them, [tokens, H_kv, d_qk], and the scale of each element.
    /// </summary>
    public (double[] Elements, float[] Scales) Keys(SequenceHandle sequence, int tokens) =>
        Rows(keys, keyScales, shape.HeadDim, sequence, tokens);

    /// <summary>
    /// The values of a sequence's first tokens as the cache holds them, [tokens, H_kv, d_v], and the scale of each element.
    /// </summary>
    public (double[] Elements, float[] Scales) Values(SequenceHandle sequence, int tokens) =>
        Rows(values, valueScales, shape.ValueDim, sequence, tokens);

    /// <summary>Index of the row of a slot and a head. Slots lie together by the page or, in a contiguous cache, by the sequence.</summary>
    public static long RowOf(AttentionShape shape, int slotsTogether, int slot, int head) => shape.Layout == KvLayout.Hnd
        ? (((long)(slot / slotsTogether) * shape.KvHeads) + head) * slotsTogether + (slot % slotsTogether)
        : ((long)slot * shape.KvHeads) + head;

    private (double[] Elements, float[] Scales) Rows(byte[] bytes, float[] scales, int dim, SequenceHandle sequence, int tokens)
    {
        double[] elements = new double[tokens * shape.KvHeads * dim];
        float[] elementScales = new float[elements.Length];
        bool inRows = shape.CacheScale == CacheScale.PerGroup;
        int rowBytes = inRows ? LatentRow.Bytes(shape.HeadDim, shape.ValueDim) : shape.CacheStorage.RowBytes(dim);
        for (int token = 0; token < tokens; token++)
        {
            int slot = slotOf(sequence, token);
            for (int head = 0; head < shape.KvHeads; head++)
            {
                long row = RowOf(shape, slotsTogether, slot, head);
                int at = ((token * shape.KvHeads) + head) * dim;
                Span<byte> from = bytes.AsSpan((int)(row * rowBytes), rowBytes);
                if (inRows)
                {
                    LatentRow.Decode(from, shape.ValueDim, elements.AsSpan(at, dim), elementScales.AsSpan(at, dim));
                    continue;
                }

                float scale = shape.CacheScale switch
                {
                    CacheScale.PerToken => scales[row],
                    CacheScale.PerHead => scales[head],
                    _ => 1,
                };
                elementScales.AsSpan(at, dim).Fill(scale);
                CacheRow.Decode(shape.CacheStorage, from, scale, elements.AsSpan(at, dim));
            }
        }

        return (elements, elementScales);
    }

    private static byte[] Read(DeviceBuffer<byte> buffer)
    {
        byte[] bytes = new byte[buffer.Length];
        buffer.Device.Queue.Read(buffer, bytes.AsSpan());
        return bytes;
    }
}
