using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>Norms, and what is done to heads between a projection and attention.</content>
internal sealed partial class LayerKernels
{
    private ComputeKernel? rmsNorm;
    private ComputeKernel? layerNorm;
    private ComputeKernel? rope;
    private ComputeKernel? ropeProjection;

    /// <summary>output[r] = input[r] / √(mean(input[r]²) + ε) · weight, or output[r] += that.</summary>
    /// <param name="input">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="accumulate">Whether the result is added to what the output holds.</param>
    public void RmsNorm(
        DeviceBuffer<float> input, DeviceBuffer<float> weight, DeviceBuffer<float> output, int rows, double epsilon,
        bool accumulate = false) =>
        SubmitRmsNorm(input, HeadSlice.Packed(1, (int)weight.Length), weight, output, rows, epsilon, accumulate);

    /// <summary>The same for every head of a slice: output[t, h] = head / √(mean(head²) + ε) · weight.</summary>
    /// <param name="input">[tokens, slice.Stride].</param>
    /// <param name="slice">The heads.</param>
    /// <param name="weight">[slice.HeadDim].</param>
    /// <param name="output">[tokens, heads, headDim].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="epsilon">ε.</param>
    public void RmsNormHeads(
        DeviceBuffer<float> input, HeadSlice slice, DeviceBuffer<float> weight, DeviceBuffer<float> output, int tokens, double epsilon) =>
        SubmitRmsNorm(input, slice, weight, output, tokens, epsilon, accumulate: false);

    /// <summary>output[r] = (input[r] − mean) / √(variance + ε) · weight + bias.</summary>
    /// <param name="input">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="bias">[width]; null for none.</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="epsilon">ε.</param>
    public void LayerNorm(
        DeviceBuffer<float> input, DeviceBuffer<float> weight, DeviceBuffer<float>? bias, DeviceBuffer<float> output, int rows,
        double epsilon)
    {
        int width = (int)weight.Length;
        if (bias is not null)
        {
            Require(bias.Length, width, nameof(bias));
        }

        Require(input.Length, (long)rows * width, nameof(input));
        Require(output.Length, (long)rows * width, nameof(output));
        ComputeKernel kernel = Kernel(ref layerNorm, "layer_norm");
        kernel.Set(0, input).Set(1, weight).Set(2, bias ?? weight).Set(3, output).Set(4, width).Set(5, (float)epsilon)
            .Set(6, bias is null ? 0 : 1)
            .SetLocal(7, NormLanes(kernel) * sizeof(float));
        SubmitRows(kernel, rows);
    }

    /// <summary>
    /// Takes the heads of a slice out of rows that hold more, and rotates the first elements of each head by its token's
    /// position.
    /// </summary>
    /// <param name="input">[tokens, slice.Stride], float32, float16 or bfloat16.</param>
    /// <param name="slice">The heads.</param>
    /// <param name="output">[tokens, heads, headDim], float32, float16 or bfloat16.</param>
    /// <param name="positions">[tokens]; each less than the table's positions, which is the caller's to check.</param>
    /// <param name="table">The turns.</param>
    /// <param name="pairs">Which elements turn together.</param>
    /// <param name="tokens">Tokens.</param>
    public void Rope(
        DeviceBuffer input, HeadSlice slice, DeviceBuffer output, DeviceBuffer<int> positions, RotaryTable table,
        RopePairs pairs, int tokens)
    {
        Require(positions.Length, tokens, nameof(positions));
        if (table.RotaryDim > slice.HeadDim)
        {
            throw new ArgumentException($"The table rotates {table.RotaryDim} elements; a head has only {slice.HeadDim}.", nameof(table));
        }

        SubmitHeads(
            input, slice, output, HeadSlice.Packed(slice.Heads, slice.HeadDim), positions, table.Values, table.RotaryDim, pairs, tokens);
    }

    /// <summary>
    /// Takes queries, keys and values out of the rows of one projection, and rotates the first elements of each query and key by its
    /// token's position: one launch for three.
    /// </summary>
    /// <param name="input">[tokens, stride], the same for all slices.</param>
    /// <param name="queries">The queries' heads, and where they go: [tokens, heads, headDim], float32, float16 or bfloat16.</param>
    /// <param name="keys">The same of the keys; their heads are as far apart, and as wide, as those of queries.</param>
    /// <param name="values">The same of the values.</param>
    /// <param name="positions">[tokens]; each less than the table's positions, which is the caller's to check.</param>
    /// <param name="table">The turns; null for none.</param>
    /// <param name="pairs">Which elements turn together.</param>
    /// <param name="tokens">Tokens.</param>
    public void RopeProjection(
        DeviceBuffer<float> input, (HeadSlice Slice, DeviceBuffer Output) queries, (HeadSlice Slice, DeviceBuffer Output) keys,
        (HeadSlice Slice, DeviceBuffer Output) values, DeviceBuffer<int> positions, RotaryTable? table, RopePairs pairs, int tokens)
    {
        HeadSlice q = queries.Slice;
        foreach ((HeadSlice slice, DeviceBuffer output) in (ReadOnlySpan<(HeadSlice, DeviceBuffer)>)[queries, keys, values])
        {
            RequireSlice(input, slice, tokens, nameof(input));
            RequireSlice(output, HeadSlice.Packed(slice.Heads, slice.HeadDim), tokens, nameof(queries));
            if ((slice.Stride, slice.HeadStride, slice.HeadDim) != (q.Stride, q.HeadStride, q.HeadDim))
            {
                throw new ArgumentException("Expected heads as far apart, and as wide, as those of queries.", nameof(keys));
            }
        }

        ComputeKernel kernel = Kernel(ref ropeProjection, "rope_projection");
        kernel.Set(0, input).Set(1, queries.Output).Set(2, keys.Output).Set(3, values.Output).Set(4, positions)
            .Set(5, table?.Values ?? input).Set(6, q.Stride).Set(7, q.Offset).Set(8, keys.Slice.Offset).Set(9, values.Slice.Offset)
            .Set(10, q.HeadStride).Set(11, q.Heads).Set(12, keys.Slice.Heads).Set(13, q.HeadDim).Set(14, table?.RotaryDim ?? 0)
            .Set(15, pairs == RopePairs.Interleaved ? 1 : 0).Set(16, tokens).Set(17, (int)TypeOf(queries.Output, nameof(queries)));
        SubmitElements(kernel, (long)tokens * (q.Heads + (2 * keys.Slice.Heads)) * q.HeadDim);
    }

    /// <summary>Takes the heads of a slice out of rows that hold more, as they are.</summary>
    /// <inheritdoc cref="Rope" path="/param"/>
    public void TakeHeads(DeviceBuffer input, HeadSlice slice, DeviceBuffer output, int tokens) =>
        CopyHeads(input, slice, output, HeadSlice.Packed(slice.Heads, slice.HeadDim), tokens);

    /// <summary>Copies heads from where they lie in the rows of one buffer to where they lie in those of another.</summary>
    /// <param name="input">[tokens, from.Stride], float32, float16 or bfloat16.</param>
    /// <param name="from">The heads.</param>
    /// <param name="output">[tokens, to.Stride], float32, float16 or bfloat16; not the input.</param>
    /// <param name="to">The same heads in the output.</param>
    /// <param name="tokens">Tokens.</param>
    public void CopyHeads(DeviceBuffer input, HeadSlice from, DeviceBuffer output, HeadSlice to, int tokens)
    {
        if ((from.Heads, from.HeadDim) != (to.Heads, to.HeadDim))
        {
            throw new ArgumentException($"Expected {from.Heads} heads of {from.HeadDim}, got {to.Heads} of {to.HeadDim}.", nameof(to));
        }

        SubmitHeads(input, from, output, to, positions: null, turns: null, rotaryDim: 0, RopePairs.HalfSplit, tokens);
    }

    // What holds an activation. Kernels know the types by the enum's numbers.
    private static ElementType TypeOf(DeviceBuffer buffer, string parameter) => buffer switch
    {
        DeviceBuffer<float> => ElementType.Float32,
        DeviceBuffer<Half> => ElementType.Float16,
        DeviceBuffer<BFloat16> => ElementType.BFloat16,
        _ => throw new ArgumentException("Expected elements in float32, float16 or bfloat16.", parameter),
    };

    private static void RequireSlice(DeviceBuffer buffer, HeadSlice slice, int tokens, string parameter)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slice.Offset, nameof(slice));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            slice.Offset + ((slice.Heads - 1L) * slice.HeadStride) + slice.HeadDim, slice.Stride, nameof(slice));
        Require(buffer.ByteLength / (TypeOf(buffer, parameter).BitsPerElement() / 8), (long)tokens * slice.Stride, parameter);
    }

    private void SubmitRmsNorm(
        DeviceBuffer<float> input, HeadSlice slice, DeviceBuffer<float> weight, DeviceBuffer<float> output, int tokens, double epsilon,
        bool accumulate)
    {
        Require(weight.Length, slice.HeadDim, nameof(weight));
        RequireSlice(input, slice, tokens, nameof(input));
        Require(output.Length, (long)tokens * slice.Width, nameof(output));
        ComputeKernel kernel = Kernel(ref rmsNorm, "rms_norm");
        kernel.Set(0, input).Set(1, weight).Set(2, output).Set(3, slice.HeadDim).Set(4, slice.Heads).Set(5, slice.Stride)
            .Set(6, slice.Offset)
            .Set(7, slice.HeadStride).Set(8, (float)epsilon).Set(9, accumulate ? 1 : 0).SetLocal(10, NormLanes(kernel) * sizeof(float));
        SubmitRows(kernel, (long)tokens * slice.Heads);
    }

    private void SubmitHeads(
        DeviceBuffer input, HeadSlice from, DeviceBuffer output, HeadSlice to, DeviceBuffer<int>? positions, DeviceBuffer<float>? turns,
        int rotaryDim, RopePairs pairs, int tokens)
    {
        RequireSlice(input, from, tokens, nameof(input));
        RequireSlice(output, to, tokens, nameof(output));
        ComputeKernel kernel = Kernel(ref rope, "rope");
        kernel.Set(0, input).Set(1, output).Set(2, (DeviceBuffer?)positions ?? output).Set(3, (DeviceBuffer?)turns ?? output)
            .Set(4, from.Stride).Set(5, from.Offset).Set(6, from.HeadStride)
            .Set(7, from.Heads).Set(8, from.HeadDim).Set(9, rotaryDim).Set(10, pairs == RopePairs.Interleaved ? 1 : 0).Set(11, tokens)
            .Set(12, to.Stride).Set(13, to.Offset).Set(14, to.HeadStride)
            .Set(15, (int)TypeOf(input, nameof(input))).Set(16, (int)TypeOf(output, nameof(output)));
        SubmitElements(kernel, (long)tokens * (Form == LinearForm.Vectors ? from.Heads : from.Width));
    }

    // On a CPU one work-item is a loop over vectors, and more of them would only share a core.
    private int NormLanes(ComputeKernel kernel) => cpu ? 1 : Math.Min(128, kernel.WorkGroupLimit);

    private void SubmitRows(ComputeKernel kernel, long rows)
    {
        if (rows > 0)
        {
            nuint lanes = (nuint)NormLanes(kernel);
            Submit(kernel, new NDRange((nuint)rows * lanes), new NDRange(lanes));
        }
    }
}
