using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>Linear layers by tensor cores, where the device has them.</content>
public sealed partial class LayerKernels
{
    private readonly Dictionary<ElementType, TensorCoreLinear> tensorCores = [];

    /// <summary>
    /// A matrix as linear layers are fastest with it: tensor cores have one of their own. What it was is freed where it becomes another.
    /// </summary>
    /// <param name="matrix">One matrix, row-major, or in any other layout, which it keeps.</param>
    internal WeightMatrix Arrange(WeightMatrix matrix)
    {
        if (Form != LinearForm.WorkGroups || matrix.Layout != WeightLayout.RowMajor || matrix.Count != 1 || matrix.Format.HasGroups
            || !TensorCoreLinear.RunsOn(device) || !TensorCoreLinear.Takes(matrix.Type, matrix.Columns))
        {
            return matrix;
        }

        WeightMatrix arranged = matrix.Type == ElementType.Float16 ? Arrange<Half>(matrix) : Arrange<BFloat16>(matrix);
        matrix.Dispose();
        return arranged;
    }

    /// <summary>Whether a linear layer takes the norm or the gate before it with it (<see cref="LinearFused"/>).</summary>
    internal bool Fuses(WeightMatrix w, int tokens) =>
        tokens > 0 && (w.Layout == WeightLayout.Blocks || (w.Layout == WeightLayout.Words && (w.Format.HasGroups || Rounds(tokens))));

    /// <summary>Whether a linear layer takes the gate behind it with it (<see cref="LinearGated"/>).</summary>
    internal bool Gates(WeightMatrix w, int tokens) => w.Layout == WeightLayout.Blocks && tokens is > 0 and <= TensorCoreLinear.FewTokens;

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
        if (tokens <= TensorCoreLinear.FewTokens && gate is null)
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
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, RmsNorm norm, Activation activation) =>
        TensorCores(w.Type).Few(x, w, bias, y, tokens, bias is null ? 0 : BiasFlag, norm, activation);

    private WeightMatrix Arrange<T>(WeightMatrix matrix) where T : unmanaged
    {
        DeviceBuffer<T> blocks = device.Allocate<T>(WeightMatrix.Elements(matrix.Rows, matrix.Columns, WeightLayout.Blocks));
        TensorCores(matrix.Type).Arrange(matrix.Buffer, blocks, matrix.Columns, matrix.Rows);
        return WeightMatrix.From(blocks, matrix.Rows, matrix.Columns, WeightLayout.Blocks);
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
}
