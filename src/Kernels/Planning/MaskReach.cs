namespace Kernels;

/// <summary>
/// What a tile of queries can see of its request's keys, as far as positions tell: only those keys are planned. What it does not know of
/// a mask it takes for visible; the kernel hides it.
/// </summary>
internal static class MaskReach
{
    /// <summary>The range outside which no query from position <paramref name="first"/> to <paramref name="last"/> sees a key.</summary>
    public static (int Begin, int End) Of(AttentionShape shape, AttentionRequest request, int first, int last)
    {
        long begin = shape.WindowLeft < 0 ? 0 : (long)first - shape.WindowLeft;
        long end = request.Keys;
        if (shape.WindowRight >= 0)
        {
            end = Math.Min(end, (long)last + shape.WindowRight + 1);
        }

        end = shape.Mask switch
        {
            AttentionMask.Causal => Math.Min(end, last + 1),
            AttentionMask.PrefixCausal => Math.Min(end, Math.Max(last + 1, request.PrefixLength)),
            _ => end,
        };

        begin = Math.Clamp(begin, 0, request.Keys);
        return ((int)begin, (int)Math.Clamp(end, begin, request.Keys));
    }
}
