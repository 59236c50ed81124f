using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>Linear layers by tensor cores, where the device has them.</content>
internal sealed partial class LayerKernels
{
    private readonly Dictionary<ElementType, TensorCoreLinear> tensorCores = [];
    private readonly Dictionary<WeightFormat, TensorCoreGroups> tensorCoreGroups = [];

    // Choices of experts so far: the order of their slots is made once for each.
    private long expertChoice;

    /// <summary>
    /// Matrices as linear layers are fastest with them: tensor cores have a layout of their own. What they were is freed where they become
    /// another.
    /// </summary>
    /// <param name="matrix">Matrices, row-major, or in any other layout, which they keep.</param>
    internal WeightMatrix Arrange(WeightMatrix matrix)
    {
        if (Form != LinearForm.WorkGroups || matrix.Layout != WeightLayout.RowMajor || !TensorCoreLinear.RunsOn(device)
            || matrix.Count > TensorCoreLinear.MostExperts
            || !(TensorCoreLinear.Takes(matrix.Type, matrix.Columns) || TensorCoreGroups.Takes(matrix.Format, matrix.Columns)))
        {
            return matrix;
        }

        WeightMatrix arranged = matrix.Format.HasGroups ? ArrangeGroups(matrix)
            : matrix.Type == ElementType.Float16 ? Arrange<Half>(matrix) : Arrange<BFloat16>(matrix);
        matrix.Dispose();
        return arranged;
    }

    /// <summary>Whether a linear layer takes the norm or the gate before it with it (<see cref="LinearFused"/>).</summary>
    internal bool Fuses(WeightMatrix w, int tokens) =>
        tokens > 0 && (w.Layout.IsOfTensorCores || (w.Layout == WeightLayout.Words && (w.Format.HasGroups || Rounds(tokens))));

    /// <summary>Whether a linear layer takes the gate behind it with it (<see cref="LinearGated"/>).</summary>
    internal bool Gates(WeightMatrix w, int tokens) =>
        w.Layout.IsOfTensorCores && tokens > 0
        && (w.Layout.IsStrips ? TensorCoreGroups.Gates(w, tokens) : tokens <= TensorCoreLinear.FewTokens);

    /// <summary>The type, other than float32, that a layer takes its inputs in.</summary>
    internal static ElementType InputType(WeightMatrix w) => !w.Format.HasGroups ? w.Type
        : w.Layout == WeightLayout.Words ? ElementType.Float32 : ElementType.BFloat16;

    /// <summary>As Linear, with the norm, or the gate of many tokens, before it.</summary>
    /// <param name="x">
    /// [tokens, w.Columns], float32 or in the weights' type; with a norm float32; with a gate [tokens, 2, w.Columns], float32.
    /// </param>
    /// <param name="w">[outputs, inputs], as <see cref="Fuses"/> allows.</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="y">[tokens, w.Rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="norm">The norm that x has yet to go through; null for none.</param>
    /// <param name="gate">The activation of the first half of x, which the second half is multiplied by; null for none.</param>
    /// <param name="accumulate">Whether the result is added to what y holds.</param>
    internal void LinearFused(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, RmsNorm? norm = null,
        Activation? gate = null, bool accumulate = false)
    {
        if (w.Layout == WeightLayout.Words)
        {
            LinearDots(x, w, bias, y, tokens, accumulate, norm, gate);
            return;
        }

        int flags = (bias is null ? 0 : BiasFlag) | (accumulate ? AccumulateFlag : 0);
        if (w.Layout.IsStrips)
        {
            Groups(w.Format).Apply(x, w, bias, y, tokens, flags, norm, gate);
        }
        else if (tokens <= TensorCoreLinear.FewTokens && gate is null)
        {
            TensorCores(w.Type).Few(x, w, bias, y, tokens, flags, norm);
        }
        else
        {
            TensorCores(w.Type).Many(x, w, bias, y, tokens, flags, norm, gate);
        }
    }

    /// <summary>As Linear, of few tokens, with the norm before it and the gate behind it.</summary>
    /// <param name="x">[tokens, w.Columns].</param>
    /// <param name="w">[outputs, inputs], as <see cref="Gates"/> allows.</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="y">[tokens, w.Rows / 2].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="norm">The norm that x has yet to go through.</param>
    /// <param name="activation">The activation of the first half of the outputs, which the second half is multiplied by.</param>
    internal void LinearGated(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, RmsNorm norm,
        Activation activation)
    {
        int flags = bias is null ? 0 : BiasFlag;
        if (w.Layout.IsStrips)
        {
            Groups(w.Format).Apply(x, w, bias, y, tokens, flags, norm, behind: activation);
        }
        else
        {
            TensorCores(w.Type).Few(x, w, bias, y, tokens, flags, norm, activation);
        }
    }

    /// <summary>Whether the layers of experts take the gate behind them with them.</summary>
    internal bool GatesExperts(WeightMatrix w, int slots)
    {
        if (!w.Layout.IsOfTensorCores)
        {
            return false;
        }

        int rows = w.Rows / w.Count;
        int few = w.Layout.IsStrips ? TensorCoreGroups.FewSlots : TensorCoreLinear.FewSlots;
        int tile = TensorCoreLinear.ExpertTile(
            slots, w.Count, TensorCores(ElementType.BFloat16).HasGroups, few, TensorCoreLinear.GroupRows);
        return tile <= TensorCoreLinear.FewTokens && rows % (w.Layout.IsStrips ? 32 : 2) == 0;
    }

    private void EmbedByTensorCores(
        WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, float scale, bool accumulate)
    {
        if (table.Layout.IsStrips)
        {
            Groups(table.Format).Embed(table, ids, output, tokens, scale, accumulate);
        }
        else
        {
            TensorCores(table.Type).Embed(table, ids, output, tokens, scale, accumulate);
        }
    }

    private void ExpertsByTensorCores(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, DeviceBuffer<float> y, int slots,
        int slotsPerRow,
        Activation? gate)
    {
        int flags = bias is null ? 0 : BiasFlag;
        if (w.Layout.IsStrips)
        {
            Groups(w.Format).Experts(x, w, bias, experts, y, slots, slotsPerRow, flags, expertChoice, gate);
        }
        else
        {
            TensorCores(w.Type).Experts(x, w, bias, experts, y, slots, slotsPerRow, flags, expertChoice, gate);
        }
    }

    private WeightMatrix Arrange<T>(WeightMatrix matrix) where T : unmanaged
    {
        DeviceBuffer<T> blocks = device.Allocate<T>(WeightMatrix.Elements(matrix.Rows, matrix.Columns, WeightLayout.Blocks, matrix.Count));
        int rows = matrix.Rows / matrix.Count;
        long each = blocks.Length / matrix.Count;
        for (int i = 0; i < matrix.Count; i++)
        {
            TensorCores(matrix.Type).Arrange(matrix.Buffer, blocks, matrix.Columns, rows, (long)i * rows * matrix.Columns, i * each);
        }

        return WeightMatrix.From(blocks, matrix.Rows, matrix.Columns, WeightLayout.Blocks, matrix.Count);
    }

    private WeightMatrix ArrangeGroups(WeightMatrix matrix)
    {
        int rows = matrix.Rows / matrix.Count;
        DeviceBuffer<byte> strips = device.Allocate<byte>(
            matrix.Count * matrix.Format.MatrixBytes(rows, matrix.Columns, WeightLayout.Strips));
        Groups(matrix.Format).Arrange(matrix.Buffer, strips, matrix.Columns, rows, matrix.Count);
        return WeightMatrix.From(strips, matrix.Format, matrix.Rows, matrix.Columns, WeightLayout.Strips, matrix.Count);
    }

    private TensorCoreLinear TensorCores(ElementType type)
    {
        if (!tensorCores.TryGetValue(type, out TensorCoreLinear? linear))
        {
            linear = new TensorCoreLinear(device, type, Submit);
            tensorCores.Add(type, linear);
        }

        return linear;
    }

    private TensorCoreGroups Groups(WeightFormat format)
    {
        if (!tensorCoreGroups.TryGetValue(format, out TensorCoreGroups? groups))
        {
            groups = new TensorCoreGroups(device, format, TensorCores(ElementType.BFloat16), Submit);
            tensorCoreGroups.Add(format, groups);
        }

        return groups;
    }
}
