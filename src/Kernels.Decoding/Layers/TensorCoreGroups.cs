using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Linear layers by NVIDIA's tensor cores for weights in groups (tensor_codes.cl): codes become bfloat16 or float16 in registers, without
/// error, and scales multiply sums in float32. Many tokens take the matrix widened to bfloat16 as a whole.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="format">The format of the weights.</param>
/// <param name="linear">The layers of bfloat16, which make the parts of x.</param>
/// <param name="submit">Enqueues a launch.</param>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TensorCoreGroups(
    ComputeDevice device, WeightFormat format, TensorCoreLinear linear, Action<ComputeKernel, NDRange, NDRange> submit) : IDisposable
{
    // Tokens whose parts of x are made once for all warps of a work-group, where local memory holds them.
    private const int SharedTokens = 2;
    private const int MostShared = 32768;
    private const int LeastShared = 4096;

    // Tokens up to which mma.sync is faster than wgmma, and the most of a launch of it.
    private const int FragmentTokens = 16;
    private const int MostFragmentTokens = 32;

    // Tokens from which on widening the matrix first is faster, or, where groups have minima, which take registers, the only way.
    private const int WideTokens = 768;
    private const int WideTokensOfMinima = 65;
    private const int MinimaTile = 32;
    private const int GroupTile = 128;

    /// <summary>Slots of an expert up to which tiles of few are faster.</summary>
    internal const int FewSlots = 12;

    // The most bytes of a widened matrix.
    private const long MostWideBytes = 512L << 20;

    private const int StripRows = 16;
    private const int WideRows = 8192;

    private readonly TensorKernels kernels = new(device, format);
    private DeviceBuffer<byte>? wide;

    /// <summary>Whether matrices of a format and so many columns can be multiplied so.</summary>
    public static bool Takes(WeightFormat format, int columns) =>
        format.HasGroups && columns % 8 == 0
        && (format.Group is 16 or 32 || (format.Group >= 64 && (format.Group % 64 == 0 || format.Group >= columns)));

    /// <summary>Whether <see cref="Few"/> takes a gate behind the layer with it.</summary>
    public static bool Gates(WeightMatrix w, int tokens) => tokens <= TensorCoreLinear.FewTokens && w.Rows % (2 * StripRows) == 0;

    /// <summary>Enqueues the making of strips out of rows.</summary>
    /// <param name="from">The matrices, row after row.</param>
    /// <param name="to">As many bytes as they take in strips.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows of a matrix.</param>
    /// <param name="count">Matrices.</param>
    public void Arrange(DeviceBuffer from, DeviceBuffer to, int columns, int rows, int count)
    {
        WeightLayout layout = WeightLayout.Strips;
        int padded = layout.PaddedRows(rows), wideColumns = layout.PaddedColumns(columns);
        long bytes = format.MatrixBytes(rows, columns, WeightLayout.RowMajor), arranged = format.MatrixBytes(rows, columns, layout);
        ComputeKernel codes = kernels[new("arrange_codes")], factors = kernels[new("arrange_factors")];
        for (int i = 0; i < count; i++)
        {
            codes.Set(0, from).Set(1, to).Set(2, columns).Set(3, rows).Set(4, i * bytes).Set(5, i * arranged);
            SubmitItems(codes, (long)padded * wideColumns * format.CodeBits / 32);
            for (int minima = 0; minima <= (format.HasMinimum ? 1 : 0); minima++)
            {
                factors.Set(0, from).Set(1, to).Set(2, columns).Set(3, rows).Set(4, i * bytes).Set(5, i * arranged).Set(6, minima);
                SubmitItems(factors, (long)padded * (((wideColumns - 1) / format.Group) + 1));
            }
        }
    }

    /// <summary>Enqueues output[t] = scale · table[ids[t]], or output[t] += that.</summary>
    public void Embed(WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, float scale, bool accumulate)
    {
        ComputeKernel kernel = kernels[new("embed_units")];
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens).Set(5, scale).Set(6, accumulate ? 1 : 0)
            .Set(7, table.Rows);
        SubmitItems(kernel, (long)tokens * table.Columns);
    }

    /// <summary>Enqueues a layer, with what comes before and behind it.</summary>
    /// <param name="x">[tokens, columns], float32 or bfloat16; with a gate before it [tokens, 2, columns], float32.</param>
    /// <param name="w">The weights.</param>
    /// <param name="bias">[rows], or null for none.</param>
    /// <param name="y">[tokens, rows], or with a gate behind it [tokens, rows / 2].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="flags">As the kernels'.</param>
    /// <param name="norm">The norm that x has yet to go through; null for none.</param>
    /// <param name="before">The activation of the first half of x, which the second half is multiplied by; null for none.</param>
    /// <param name="behind">That of the outputs, of tokens and rows as <see cref="Gates"/> says; null for none.</param>
    public void Apply(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags,
        RmsNorm? norm = null, Activation? before = null, Activation? behind = null)
    {
        if (tokens <= TensorCoreLinear.FewTokens && before is null)
        {
            Few(x, w, bias, y, tokens, flags, norm, behind);
        }
        else if (tokens <= (linear.HasGroups ? FragmentTokens : MostFragmentTokens))
        {
            DeviceBuffer<byte> fragments = linear.Split(x, w.Columns, y, tokens, count: 2, order: 2, norm, before);
            int eights = tokens <= 8 ? 1 : tokens <= 16 ? 2 : 4;
            (int strips, int warps) = (eights, w.Rows >= WideRows) switch
            {
                (1 or 2, true) => (format.HasMinimum ? 4 : 1, 8),
                (_, true) => (4, 8),
                (1, false) => (1, 16),
                _ => (2, 16),
            };
            SubmitFew(
                fragments, w, bias, y, tokens, flags, new("linear_few") { Order = 2, Strips = strips, Warps = warps, Eights = eights });
        }
        else if (IsWide(w, tokens))
        {
            device.Grow(ref wide, 2 * WeightMatrix.Elements(w.Rows, w.Columns, WeightLayout.Blocks));
            ComputeKernel widen = kernels[new("widen_units")];
            widen.Set(0, w.Buffer).Set(1, wide!).Set(2, w.Columns).Set(3, w.Rows);
            SubmitItems(
                widen, (long)WeightLayout.Strips.PaddedRows(w.Rows) / StripRows * (WeightLayout.Strips.PaddedColumns(w.Columns) / 64) * 32);
            int parts = tokens <= TensorCoreLinear.ExactTokens ? 2 : 1;
            linear.Split(x, w.Columns, y, tokens, parts, order: 0, norm, before);
            linear.Multiply(wide!, w.Columns, w.Rows, bias, y, tokens, flags, parts);
        }
        else
        {
            int parts = tokens <= TensorCoreLinear.ExactTokens ? 2 : 1;
            (int tile, int splits) = TensorCoreLinear.Tile(
                w.Rows, w.Columns, tokens, device.Capabilities.ComputeUnits, format.HasMinimum ? MinimaTile : GroupTile);
            linear.Split(x, w.Columns, y, tokens, parts, order: 1, norm, before);
            linear.MultiplyGroups(
                kernels[new("linear_groups") { Parts = parts, Tokens = tile }], w.Buffer, w.Columns, w.Rows, bias, y, tokens, flags,
                tile, splits);
        }
    }

    /// <summary>Enqueues the layers of experts.</summary>
    /// <inheritdoc cref="TensorCoreLinear.Experts" path="/param"/>
    public void Experts(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, DeviceBuffer<float> y, int slots,
        int slotsPerRow, int flags, long choice, Activation? gate)
    {
        int rows = w.Rows / w.Count;
        int tile = TensorCoreLinear.ExpertTile(
            slots, w.Count, linear.HasGroups, FewSlots, format.HasMinimum ? TensorCoreLinear.Block : GroupTile);
        if (tile > TensorCoreLinear.FewTokens)
        {
            ExpertTiles sorted = linear.Sort(experts, slots, w.Count, tile, choice);
            linear.Split(x, w.Columns, y, sorted.Places, count: 1, order: 1, norm: null, activation: null, sorted, slotsPerRow);
            linear.MultiplyExperts(kernels[new("linear_groups") { Parts = 1, Tokens = tile, Experts = 2 }], w, bias, y, sorted, flags);
            return;
        }

        ExpertTiles? few = tile == 1 ? null : linear.Sort(experts, slots, w.Count, tile, choice);
        TensorKernelForm form = FewForm(rows, w.Columns, tile == 1 ? 1 : TensorCoreLinear.FewTokens, ofExperts: true) with
        {
            Experts = few is null ? 1 : 2,
        };
        form = gate is null ? form : form with { IsGated = true, Strips = 2 };
        ComputeKernel kernel = kernels[form];
        TensorCoreLinear.SetFew(kernel, x, w.Buffer, bias, y, w.Columns, rows, slots, flags, norm: null, gate);
        int count = TensorCoreLinear.SetTiles(kernel, experts, few, slots, slotsPerRow);
        int items = form.Warps * 32;
        submit(kernel, new NDRange((nuint)Groups(rows, form.Strips) * (nuint)items, (nuint)count), new NDRange((nuint)items, 1));
    }

    /// <summary>Frees kernels and memory.</summary>
    public void Dispose()
    {
        kernels.Dispose();
        wide?.Dispose();
    }

    // Strips and warps that were fastest on an H200, and whether parts of x are shared. Of several tokens, strips share what x's parts
    // cost.
    private TensorKernelForm FewForm(int rows, int columns, int tokens, bool ofExperts)
    {
        int numbers = tokens * WeightLayout.Strips.PaddedColumns(columns);
        int shared = tokens > SharedTokens || numbers > MostShared ? 0 : LeastShared;
        while (shared > 0 && shared < numbers)
        {
            shared *= 2;
        }

        bool isWide = rows >= WideRows, areBytes = format.CodeBits == 8;
        (int strips, int warps) = (ofExperts, shared > 0) switch
        {
            (true, true) => (areBytes ? 2 : 1, 8),
            (true, false) => (areBytes ? 2 : 4, 8),
            (false, true) => (isWide && format.Code == WeightCode.E4M3 ? 4 : 1, isWide ? 8 : 16),
            _ => isWide ? (4, 8) : (areBytes ? 2 : 1, 16),
        };
        return new("linear_few")
        {
            // E4M3 is float16 by one instruction, which x is only where its largest number is known before.
            IsFloat16 = shared > 0 && format.Code == WeightCode.E4M3 && device.Capabilities.NvidiaComputeCapability >= 90,
            Shared = shared,
            Strips = strips,
            Warps = warps,
            Eights = 1,
        };
    }

    private void Few(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags, RmsNorm? norm,
        Activation? gate)
    {
        TensorKernelForm form = FewForm(w.Rows, w.Columns, tokens, ofExperts: false) with
        {
            XType = TensorCoreLinear.TypeOf(x), HasNorm = norm is not null, IsGated = gate is not null,
        };
        SubmitFew(x, w, bias, y, tokens, flags, gate is null ? form : form with { Strips = 2 }, norm, gate);
    }

    private void SubmitFew(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags, TensorKernelForm form,
        RmsNorm? norm = null, Activation? gate = null)
    {
        ComputeKernel kernel = kernels[form];
        TensorCoreLinear.SetFew(kernel, x, w.Buffer, bias, y, w.Columns, w.Rows, tokens, flags, norm, gate);
        int items = form.Warps * 32;
        submit(kernel, new NDRange((nuint)Groups(w.Rows, form.Strips) * (nuint)items), new NDRange((nuint)items));
    }

    private static int Groups(int rows, int strips) => TensorCoreLinear.Parts(rows, strips * StripRows);

    private bool IsWide(WeightMatrix w, int tokens)
    {
        long bytes = 2 * WeightMatrix.Elements(w.Rows, w.Columns, WeightLayout.Blocks);
        return !linear.HasGroups || (tokens >= (format.HasMinimum ? WideTokensOfMinima : WideTokens) && bytes <= MostWideBytes);
    }

    private void SubmitItems(ComputeKernel kernel, long items)
    {
        if (items > 0)
        {
            submit(kernel, new NDRange((nuint)((items + 255) / 256 * 256)), new NDRange(256));
        }
    }
}
