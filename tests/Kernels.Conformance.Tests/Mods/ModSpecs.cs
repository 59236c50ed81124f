namespace Kernels.Conformance.Tests.Mods;

/// <summary>A score mod with a scalar and a buffer; the head decides a slope, the scalar bounds the score.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 64)]
internal sealed partial class CappedSlopes
{
    [ScoreMod]
    internal static float Relative(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, float cap) =>
        cap * MathF.Tanh(score / cap) - slopes[head] * Math.Abs(query - key);
}

/// <summary>A mask mod on two int buffers, one of them indexed through the other, over pages of 16-bit elements.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 64, Storage = ElementType.Float16, PageSize = 16)]
internal sealed partial class PackedDocuments
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> starts, ReadOnlySpan<int> documents)
    {
        int start = starts[batch];
        return documents[start + query] == documents[start + key] && key <= query;
    }
}

/// <summary>Nested conditions whose gathers would read out of range where a condition does not hold.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 40, Storage = ElementType.BFloat16, Layout = KvLayout.Nhd)]
internal sealed partial class GuardedTable
{
    [ScoreMod]
    internal static float Biased(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> table, int length, float strength)
    {
        int distance = query - key;
        if (distance >= 0 && distance < length)
        {
            if (head % 2 == 0)
            {
                score += table[distance];
            }
            else if (table[distance] > 0f)
            {
                return score - table[length - 1 - distance] * strength;
            }
        }
        else
        {
            score = distance < 0 && -distance < length ? score * 0.5f + table[-distance] : score * 0.5f;
        }

        return score;
    }
}

/// <summary>T5's buckets of distances: helper methods, and a loop that ends early.</summary>
[AttentionKernel(queryHeads: 5, kvHeads: 1, headDim: 59)]
internal sealed partial class BucketedBias
{
    [ScoreMod]
    internal static float Biased(float score, int batch, int head, int query, int key, ReadOnlySpan<float> bias, int levels) =>
        score + bias[(head * (levels + 1)) + Bucket(Math.Abs(query - key), levels)] + Sign(query >= key) * 0.25f;

    private static int Bucket(int distance, int levels)
    {
        int bucket = 0;
        for (int i = 0; i < levels; i++)
        {
            if (distance >> i == 0)
            {
                break;
            }

            bucket++;
        }

        return bucket;
    }

    private static float Sign(bool positive) => positive ? 1f : -1f;
}

/// <summary>Both mods, with an input that they share, over a quantised paged cache.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 3, headDim: 32, Storage = ElementType.Float16, CacheStorage = ElementType.Int8, PageSize = 8)]
internal sealed partial class WindowAndDecay
{
    [ScoreMod]
    internal static float Decay(float score, int batch, int head, int query, int key, int window, ReadOnlySpan<float> rates) =>
        score * MathF.Exp(-rates[head] * Math.Abs(query - key) / window);

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> globals, int window) =>
        Math.Abs(query - key) <= window || globals[key] != 0 && head is 1 or 4;
}

/// <summary>Mods on top of a mask, a window, softcap, ALiBi and sinks: the order of all of them.</summary>
[AttentionKernel(
    queryHeads: 4, kvHeads: 2, headDim: 64, ValueDim = 48, Mask = AttentionMask.Causal, WindowLeft = 3000, Softcap = 20, Alibi = true,
    Sinks = true,
    PageSize = 16, Layout = KvLayout.Nhd)]
internal sealed partial class EverythingAtOnce
{
    [ScoreMod]
    internal static float Tilted(float score, int batch, int head, int query, int key, float tilt) =>
        score + tilt * (head - QueryHeads / 2) * (key % 3 == batch % 3 ? 1f : -1f);

    [MaskMod]
    internal static bool Strided(int batch, int head, int query, int key) => key % 4 != 1 || query - key < HeadDim;
}

/// <summary>Mods without inputs, and a head group of the whole model: one KV head.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 1, headDim: 16, CacheStorage = ElementType.Float16)]
internal sealed partial class HeadParity
{
    [ScoreMod]
    internal static float Scaled(float score, int batch, int head, int query, int key) => head switch
    {
        0 or 1 => score,
        < 8 => score * 2f,
        _ => -score,
    };

    [MaskMod]
    internal static bool Same(int batch, int head, int query, int key) => ((query ^ key) & 1) == head % 2;
}
