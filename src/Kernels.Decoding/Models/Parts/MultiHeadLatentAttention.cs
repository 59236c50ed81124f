using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Multi-head latent attention (MLA) with its projections. Heads of queries have the elements that turn first, [rope | nope];
/// latent rows have them last, [latent | rope].
/// </summary>
/// <param name="layer">The layer's number.</param>
/// <param name="latent">The attention.</param>
/// <param name="rope">The turns; the attention kernels do them.</param>
/// <param name="weights">The projections.</param>
internal sealed class MultiHeadLatentAttention(int layer, LatentConfig latent, RotaryTable rope, LatentProjections weights) : IDecoderBlock
{
    private readonly HeadSlice queryRope = new(latent.Heads * latent.HeadDim, 0, latent.HeadDim, latent.Heads, latent.RopeDim);
    private readonly HeadSlice queryNope = new(latent.Heads * latent.HeadDim, latent.RopeDim, latent.HeadDim, latent.Heads, latent.NopeDim);
    private readonly HeadSlice rowLatents = new(latent.LatentWidth, 0, 0, 1, latent.Rank);

    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> target, bool accumulate)
    {
        var attention = (LatentAttention)step.Attention;
        var inputs = new AttentionInputs { Rope = rope.OnDevice };
        DeviceBuffer<float> queries = step.Scratch("queries", latent.Heads * latent.HeadDim);
        DeviceBuffer<float> rows = step.Scratch("latent rows", latent.LatentWidth);
        DeviceBuffer<float> attended = step.Scratch("attended", latent.Heads * latent.ValueDim);

        ProjectQueries(step, input, queries);
        weights.Rows.Apply(step, input, rows, step.Tokens);
        DeviceBuffer<float> latents = step.Scratch("latents", latent.Rank);
        weights.RowNorm.ApplyToHeads(step, rows, rowLatents, latents);
        if (attention.CachesLatents)
        {
            step.Kernels.CopyHeads(latents, HeadSlice.Packed(1, latent.Rank), rows, rowLatents, step.Tokens);
            DeviceBuffer appended = step.ToAttention("appended rows", rows, HeadSlice.Packed(1, latent.LatentWidth), step.Tokens);
            attention.Append(layer, appended, appended, inputs);
            AttendAbsorbed(step, attention, queries, attended, inputs);
            AttendCached(step, attention, queries, attended, inputs);
        }
        else
        {
            AttendExpanded(step, attention, queries, latents, rows, step.Tokens, attended, step.Tokens, inputs);
        }

        weights.Output.Apply(step, attended, target, step.Tokens, accumulate);
    }

    private void ProjectQueries(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> queries)
    {
        if (weights.QueryRows is { } queryRows)
        {
            DeviceBuffer<float> raw = step.Scratch("query rows", queryRows.Projection.Outputs);
            DeviceBuffer<float> normed = step.Scratch("normed query rows", queryRows.Projection.Outputs);
            queryRows.Projection.Apply(step, input, raw, step.Tokens);
            queryRows.Norm.Apply(step, raw, normed, step.Tokens);
            input = normed;
        }

        weights.Queries.Apply(step, input, queries, step.Tokens);
    }

    // (q_nope · W_UK) · latent = q_nope · (W_UK · latent), and what comes back is a mean of latents, of which W_UV makes values.
    private void AttendAbsorbed(
        DecoderStep step, LatentAttention attention, DeviceBuffer<float> queries, DeviceBuffer<float> attended, AttentionInputs inputs)
    {
        StepPart part = attention.Absorbed;
        if (part.Tokens == 0)
        {
            return;
        }

        int width = latent.Heads * latent.LatentWidth;
        DeviceBuffer<float> own = part.Take(step, "queries to absorb", queries, latent.Heads * latent.HeadDim);
        DeviceBuffer<float> absorbed = step.Scratch("absorbed queries", part.Tokens, width);
        DeviceBuffer<float> means = step.Scratch("mean latents", part.Tokens, latent.Heads * latent.Rank);
        DeviceBuffer<float> outputs = part.Target(step, "attended absorbed", attended, latent.Heads * latent.ValueDim);
        step.Kernels.HeadLinear(
            own, queryNope, weights.LatentToKeys, absorbed, new(width, 0, latent.LatentWidth, latent.Heads, latent.Rank), part.Tokens);
        step.Kernels.CopyHeads(
            own, queryRope, absorbed, new(width, latent.Rank, latent.LatentWidth, latent.Heads, latent.RopeDim), part.Tokens);
        DeviceBuffer outcome = step.AttentionTarget("attention outputs", means, part.Tokens, latent.Heads * latent.Rank);
        attention.Attend(
            layer, step.ToAttention("attention queries", absorbed, HeadSlice.Packed(latent.Heads, latent.LatentWidth), part.Tokens),
            outcome, inputs);
        step.FromAttention(outcome, means, HeadSlice.Packed(latent.Heads, latent.Rank), part.Tokens);
        step.Kernels.HeadLinear(
            means, HeadSlice.Packed(latent.Heads, latent.Rank), weights.LatentToValues, outputs,
            HeadSlice.Packed(latent.Heads, latent.ValueDim), part.Tokens);
        part.Put(step, outputs, attended, latent.Heads * latent.ValueDim);
    }

    // Keys and values of all the tokens that are seen, out of the cache, the new ones among them.
    private void AttendCached(
        DecoderStep step, LatentAttention attention, DeviceBuffer<float> queries, DeviceBuffer<float> attended, AttentionInputs inputs)
    {
        StepPart part = attention.Expanded;
        if (part.Tokens == 0)
        {
            return;
        }

        int count = attention.ExpandedRows;
        DeviceBuffer<float> rows = step.Scratch("cached rows", count, latent.LatentWidth);
        DeviceBuffer<float> latents = step.Scratch("cached latents", count, latent.Rank);
        attention.ReadRows(step.Kernels, layer, rows);
        step.Kernels.CopyHeads(rows, rowLatents, latents, HeadSlice.Packed(1, latent.Rank), count);
        DeviceBuffer<float> outputs = part.Target(step, "attended expanded", attended, latent.Heads * latent.ValueDim);
        DeviceBuffer<float> own = part.Take(step, "queries to expand", queries, latent.Heads * latent.HeadDim);
        AttendExpanded(step, attention, own, latents, rows, count, outputs, part.Tokens, inputs);
        part.Put(step, outputs, attended, latent.Heads * latent.ValueDim);
    }

    // Queries and outputs of some tokens, over keys and values of the latents of as many as count.
    private void AttendExpanded(
        DecoderStep step, LatentAttention attention, DeviceBuffer<float> queries, DeviceBuffer<float> latents,
        DeviceBuffer<float> rows, int count,
        DeviceBuffer<float> attended, int tokens, AttentionInputs inputs)
    {
        HeadSlice valueHeads = HeadSlice.Packed(latent.Heads, latent.ValueDim);
        DeviceBuffer<float> nope = step.Scratch("expanded nope", count, latent.Heads * latent.NopeDim);
        DeviceBuffer keys = step.AttentionScratch("keys", count, latent.Heads * latent.HeadDim);
        DeviceBuffer<float> values = step.Scratch("values", count, latent.Heads * latent.ValueDim);
        weights.ExpandKeys.Apply(step, latents, nope, count);
        step.Kernels.CopyHeads(nope, HeadSlice.Packed(latent.Heads, latent.NopeDim), keys, queryNope, count);
        step.Kernels.CopyHeads(rows, new(latent.LatentWidth, latent.Rank, 0, latent.Heads, latent.RopeDim), keys, queryRope, count);
        step.Kernels.HeadLinear(
            latents, new(latent.Rank, 0, 0, latent.Heads, latent.Rank), weights.LatentToValues, values, valueHeads, count);
        DeviceBuffer outputs = step.AttentionTarget("attention outputs", attended, tokens, valueHeads.Width);
        attention.AttendExpanded(
            layer,
            step.ToAttention("attention queries", queries, HeadSlice.Packed(latent.Heads, latent.HeadDim), tokens),
            keys,
            step.ToAttention("attention values", values, valueHeads, count),
            outputs,
            inputs);
        step.FromAttention(outputs, attended, valueHeads, tokens);
    }
}
