namespace Decoders;

/// <summary>The same heads with other caches: multi-head, grouped-query, multi-query and latent attention.</summary>
/// <param name="Kind">The kind, for people.</param>
/// <param name="Shape">Its shape.</param>
internal readonly record struct AttentionFamily(string Kind, AttentionShape Shape)
{
    /// <summary>The kinds of one shape, its own among them.</summary>
    /// <param name="shape">The shape of a layer.</param>
    /// <param name="latent">The latent attention that it is of, if it is known.</param>
    public static IReadOnlyList<AttentionFamily> Of(AttentionShape shape, LatentConfig? latent)
    {
        int heads = shape.QueryHeads;

        // Where a model does not say, in the proportions of DeepSeek's: a rank of four heads, and rope of half a head.
        int dim = latent?.NopeDim ?? (shape.LatentCache ? Math.Max(1, shape.ValueDim / 4) : shape.HeadDim);
        int rank = latent?.Rank ?? (shape.LatentCache ? shape.ValueDim : 4 * dim);
        int rope = latent?.RopeDim ?? (shape.LatentCache ? shape.HeadDim - shape.ValueDim : dim / 2);
        int grouped = shape.KvHeads > 1 && shape.KvHeads < heads ? shape.KvHeads : Grouped(heads);
        AttentionShape plain = shape with
        {
            LatentCache = false,
            HeadDim = dim,
            ValueDim = shape.LatentCache ? dim : shape.ValueDim,
            KvHeads = heads,
        };
        var kinds = new List<AttentionFamily> { new("MHA", plain) };
        if (grouped > 1)
        {
            kinds.Add(new("GQA", plain with { KvHeads = grouped }));
        }

        kinds.Add(new("MQA", plain with { KvHeads = 1 }));
        kinds.Add(new("MLA", shape with { LatentCache = true, KvHeads = 1, HeadDim = rank + rope, ValueDim = rank }));
        return kinds;
    }

    /// <summary>KV heads as models have them: eight where that is a divisor, else the largest divisor; 1 where there is none.</summary>
    private static int Grouped(int heads)
    {
        if (heads > 8 && heads % 8 == 0)
        {
            return 8;
        }

        int divisor = heads / 2;
        while (divisor > 1 && heads % divisor != 0)
        {
            divisor--;
        }

        return Math.Max(1, divisor);
    }
}
