using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Multi-head, grouped-query or multi-query attention with its projections.</summary>
/// <param name="layer">The layer's number.</param>
/// <param name="geometry">The attention.</param>
/// <param name="projection">hidden → queries, keys and values.</param>
/// <param name="output">[H_q, d] → hidden.</param>
/// <param name="order">The order of the projection's outputs.</param>
internal sealed class MultiHeadAttention(
    int layer, AttentionGeometry geometry, Linear projection, Linear output, ProjectionOrder order = ProjectionOrder.ByKind) : IDecoderBlock
{
    /// <summary>Rope on queries and keys; null for none.</summary>
    public Rotation? Rotation { get; init; }

    /// <summary>Norms on the heads of queries and keys; null for none.</summary>
    public HeadNorms? Norms { get; init; }

    /// <summary>The learned logit of each query head, [H_q], where the geometry has sinks.</summary>
    public DeviceBuffer<float>? Sinks { get; init; }

    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> target, bool accumulate)
    {
        DeviceBuffer<float> projected = step.Scratch("projected", projection.Outputs);
        projection.Apply(step, input, projected, step.Tokens);
        Attend(step, projected, target, accumulate);
    }

    /// <inheritdoc/>
    public void ApplyNormed(DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> target)
    {
        DeviceBuffer<float> projected = step.Scratch("projected", projection.Outputs);
        projection.ApplyNormed(step, norm, input, projected, step.Tokens);
        Attend(step, projected, target, accumulate: true);
    }

    private void Attend(DecoderStep step, DeviceBuffer<float> projected, DeviceBuffer<float> target, bool accumulate)
    {
        (HeadSlice queryHeads, HeadSlice keyHeads, HeadSlice valueHeads) = Slices();
        DeviceBuffer queries = step.AttentionScratch("queries", step.Tokens, queryHeads.Width);
        DeviceBuffer keys = step.AttentionScratch("keys", step.Tokens, keyHeads.Width);
        DeviceBuffer values = step.AttentionScratch("values", step.Tokens, valueHeads.Width);
        DeviceBuffer<float> attended = step.Scratch("attended", queryHeads.Width);
        DeviceBuffer outputs = step.AttentionTarget("attention outputs", attended, step.Tokens, queryHeads.Width);
        if (Norms is null && step.Kernels.Form == LinearForm.WorkGroups)
        {
            step.Kernels.RopeProjection(
                projected, (queryHeads, queries), (keyHeads, keys), (valueHeads, values),
                Rotation is { } turned ? step.RowsOf(turned.Table) : step.Positions, Rotation?.Table, Rotation?.Pairs
                    ?? default, step.Tokens);
        }
        else
        {
            Take(step, projected, queryHeads, Norms?.Queries, queries);
            Take(step, projected, keyHeads, Norms?.Keys, keys);
            step.Kernels.TakeHeads(projected, valueHeads, values, step.Tokens);
        }

        var inputs = new AttentionInputs { Sinks = Sinks };
        step.Attention.Append(layer, keys, values, inputs);
        step.Attention.Attend(layer, queries, outputs, inputs);
        if (!output.TryApplyOwnType(step, outputs, step.Attention.Storage, target, step.Tokens, accumulate))
        {
            step.FromAttention(outputs, attended, HeadSlice.Packed(queryHeads.Heads, queryHeads.HeadDim), step.Tokens);
            output.Apply(step, attended, target, step.Tokens, accumulate);
        }
    }

    private (HeadSlice Queries, HeadSlice Keys, HeadSlice Values) Slices()
    {
        (int queryHeads, int kvHeads, int dim) = geometry;
        int stride = projection.Outputs;
        return order == ProjectionOrder.ByHead
            ? (new(stride, 0, 3 * dim, queryHeads, dim), new(stride, dim, 3 * dim, kvHeads, dim), new(
                stride, 2 * dim, 3 * dim, kvHeads, dim))
            : (new(stride, 0, dim, queryHeads, dim), new(stride, queryHeads * dim, dim, kvHeads, dim), new(
                stride, (queryHeads + kvHeads) * dim, dim, kvHeads, dim));
    }

    private void Take(DecoderStep step, DeviceBuffer<float> source, HeadSlice slice, RmsNorm? norm, DeviceBuffer target)
    {
        if (norm is not null)
        {
            DeviceBuffer<float> normed = step.Scratch("normed heads", slice.Width);
            norm.ApplyToHeads(
                step, source, Norms!.SpanHeads ? slice with { HeadStride = 0, Heads = 1, HeadDim = slice.Width } : slice, normed);
            source = normed;
            slice = HeadSlice.Packed(slice.Heads, slice.HeadDim);
        }

        if (Rotation is { } rotation)
        {
            step.Kernels.Rope(source, slice, target, step.RowsOf(rotation.Table), rotation.Table, rotation.Pairs, step.Tokens);
        }
        else
        {
            step.Kernels.TakeHeads(source, slice, target, step.Tokens);
        }
    }
}
