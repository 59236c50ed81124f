namespace Kernels.Planning;

/// <summary>
/// What a tile of queries can see of its request's keys, as far as the spec's options tell: only those keys are planned. What no option
/// tells counts as visible; the kernel hides it.
/// </summary>
internal static class MaskReach
{
    /// <summary>The range outside which no query from position <paramref name="first"/> to <paramref name="last"/> sees a key.</summary>
    public static (int Begin, int End) Of(AttentionShape shape, AttentionRequest request, int first, int last)
    {
        long begin = 0, end = request.Keys;
        foreach (AttentionOption option in AttentionShape.Options)
        {
            if (option.IsIn(shape))
            {
                (long from, long to) = option.Reach(shape, first, last, request.PrefixLength);
                begin = Math.Max(begin, from);
                end = Math.Min(end, to);
            }
        }

        begin = Math.Clamp(begin, 0, request.Keys);
        return ((int)begin, (int)Math.Clamp(end, begin, request.Keys));
    }
}
