namespace Kernels.Benchmarks.Compare;

/// <summary>What a row of a work's outputs should be, in double precision.</summary>
internal static class WorkReference
{
    /// <summary>The output of one query.</summary>
    /// <param name="work">The work.</param>
    /// <param name="head">Its query head, for mods.</param>
    /// <param name="query">[d_qk]</param>
    /// <param name="keys">The keys that the mask shows it at most, its own the last [<see cref="Keys"/>, d_qk].</param>
    /// <param name="values">Their values, [<see cref="Keys"/>, d_v].</param>
    public static double[] Row(Work work, int head, double[] query, double[] keys, double[] values)
    {
        // One query and one head: the keys that causal attention hides from it are not among those that it is given.
        var shape = new AttentionShape(
            1, 1, work.HeadDim, work.ValueDim, work.Scale, AttentionMask.None, work.Storage, work.CacheStorage, KvLayout.Nhd)
        {
            WindowLeft = work.Window > 0 ? work.Window - 1 : null,
        };
        float slope = Slope(head, work.QueryHeads);
        ReferenceOptions options = new()
        {
            ScoreMod = work.Mod == Mod.Slope ? (score, _, _, position, key) => score - (slope * Math.Abs(position - key)) : null,
        };
        double[] output = new double[work.ValueDim];
        ReferenceAttention.ComputeRow(shape, query, keys, values, 1, keys.Length / work.HeadDim, 0, 0, output, options);
        return output;
    }

    /// <summary>Keys that the mask shows the query of a position, those left of a window included.</summary>
    public static int Keys(Work work, int position) => work.Causal ? position + 1 : work.Sequence;

    /// <summary>The slope of a head in <see cref="Mod.Slope"/>.</summary>
    public static float Slope(int head, int heads) => MathF.Pow(2, -8f * (head + 1) / heads);
}
