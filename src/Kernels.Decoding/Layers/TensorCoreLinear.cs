using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Linear layers by NVIDIA's tensor cores (tensor_*.cl), for weights of 16 bits: of up to 8 tokens straight from float32, of more by way
/// of their 16-bit parts. Up to <see cref="ExactTokens"/> tokens are multiplied in two parts, 16 bits of bfloat16 or 22 of float16; the
/// numbers of more are rounded to the weights' type, as PyTorch's are.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TensorCoreLinear(ComputeDevice device, ElementType type, Action<ComputeKernel, NDRange, NDRange> submit) : IDisposable
{
    /// <summary>The most tokens of the kernel that reads float32.</summary>
    public const int FewTokens = 8;

    /// <summary>The most tokens that are multiplied in two parts.</summary>
    public const int ExactTokens = 64;

    /// <summary>Rows and columns of a block.</summary>
    public const int Block = 64;

    /// <summary>The most experts whose slots are put in order.</summary>
    public const int MostExperts = 1024;

    /// <summary>Rows that a work-group of wgmma's kernel has.</summary>
    public const int GroupRows = 128;

    // Of wgmma's: two groups of four warps that multiply, one that copies.
    private const int GroupItems = 384;
    private const int MostSplits = 8;
    private const int FewRows = 16;
    private const int FewItems = 256;
    private const int SplitItems = 256;
    private const int SortItems = 1024;
    private const int BlockPieces = 512;

    // Eight warps that multiply, one that copies; the rows that they share out.
    private const int StreamItems = 288;
    private const int StripRows = 16;

    // Slots of experts that are still a tile each.
    private const int LoneSlots = 16;

    // Slots up to which they are multiplied in two parts.
    private const int ExactSlots = 256;

    /// <summary>Slots of an expert up to which tiles of few are faster.</summary>
    internal const int FewSlots = 6;

    // Of mma.sync's kernel of many tokens.
    private const int ManySide = 128;
    private const int ManyItems = 128;

    // A tile of 256 tokens takes this many times as long as one of 128.
    private const double WideTile = 1.8;

    private readonly TensorKernels kernels = new(device, WeightFormat.Of(type));
    private readonly bool isFloat16 = type == ElementType.Float16;
    private DeviceBuffer<byte>? parts;
    private DeviceBuffer<float>? scales;
    private DeviceBuffer<float>? partial;
    private DeviceBuffer<int>? counters;
    private DeviceBuffer<int>? order;
    private DeviceBuffer<int>? tiles;
    private ExpertTiles sorted;
    private (long Choice, int Slots, int ExpertCount, int Tile) sortedKey;

    /// <summary>Whether the device has wgmma.</summary>
    public bool HasGroups { get; } =
        device.Capabilities.NvidiaComputeCapability == Sm90Assembly.ComputeCapability && device.Sm90Refusal.Length == 0;

    /// <summary>Whether a device has the instructions.</summary>
    public static bool RunsOn(ComputeDevice device) => device.Capabilities.NvidiaComputeCapability >= 80;

    /// <summary>Whether matrices of a type and so many columns can be multiplied so.</summary>
    public static bool Takes(ElementType type, int columns) => type is ElementType.Float16 or ElementType.BFloat16 && columns % 8 == 0;

    /// <summary>Enqueues the making of blocks out of rows.</summary>
    /// <param name="from">[rows, columns].</param>
    /// <param name="to">As many blocks as hold them, from <paramref name="toStart"/> on.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="fromStart">The first element of the rows.</param>
    /// <param name="toStart">The first element of the blocks.</param>
    public void Arrange(DeviceBuffer from, DeviceBuffer to, int columns, int rows, long fromStart = 0, long toStart = 0)
    {
        ComputeKernel kernel = kernels[new("arrange")];
        kernel.Set(0, from).Set(1, to).Set(2, columns).Set(3, rows).Set(4, fromStart).Set(5, toStart);
        SubmitItems(kernel, (long)Parts(rows, Block) * Block * Parts(columns, Block) * 8);
    }

    /// <summary>Enqueues output[t] = scale · table[ids[t]], or output[t] += that.</summary>
    public void Embed(WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, float scale, bool accumulate)
    {
        ComputeKernel kernel = kernels[new("embed_blocks") { IsFloat16 = isFloat16 }];
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens).Set(5, scale)
            .Set(6, accumulate ? 1 : 0);
        SubmitItems(kernel, (long)tokens * table.Columns);
    }

    /// <summary>Enqueues a layer of at most <see cref="FewTokens"/> tokens, with what comes before and behind it.</summary>
    /// <param name="x">[tokens, columns], float32 or in the weights' type.</param>
    /// <param name="w">The weights.</param>
    /// <param name="bias">[rows], or null for none.</param>
    /// <param name="y">[tokens, rows], or with an activation [tokens, rows / 2].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="flags">As the kernel's.</param>
    /// <param name="norm">The norm that x has yet to go through; null for none.</param>
    /// <param name="activation">
    /// The activation of the first half of the outputs, which the second half is multiplied by; null for none.
    /// </param>
    public void Few(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags,
        RmsNorm? norm = null, Activation? activation = null)
    {
        if (device.Capabilities.NvidiaComputeCapability >= Sm90Assembly.ComputeCapability
            && (activation is null || w.Rows / 2 % StripRows == 0))
        {
            Stream(x, w, bias, y, tokens, flags, norm, activation);
            return;
        }

        ComputeKernel kernel = kernels[new("linear_few")
        {
            IsFloat16 = isFloat16, XType = TypeOf(x), HasNorm = norm is not null, IsGated = activation is not null,
        }];
        SetFew(kernel, x, w.Buffer, bias, y, w.Columns, w.Rows, tokens, flags, norm, activation);
        int groups = activation is null ? Parts(w.Rows, FewRows) : Parts(w.Rows / 2, FewRows / 2);
        submit(kernel, new NDRange((nuint)groups * FewItems), new NDRange(FewItems));
    }

    // The same, where each multiprocessor reads its share of the rows as one stream.
    private void Stream(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags, RmsNorm? norm,
        Activation? activation)
    {
        int strips = activation is null ? Parts(w.Rows, StripRows) : w.Rows / 2 / StripRows;
        int groups = Math.Min(device.Capabilities.ComputeUnits, strips);
        ComputeKernel kernel = kernels[new("linear_stream")
        {
            IsFloat16 = isFloat16, XType = TypeOf(x), HasNorm = norm is not null, IsGated = activation is not null,
            Strips = activation is null && Parts(strips, groups) <= 2 ? 2 : 4,
        }];
        SetFew(kernel, x, w.Buffer, bias, y, w.Columns, w.Rows, tokens, flags, norm, activation);
        submit(kernel, new NDRange((nuint)groups * StreamItems), new NDRange(StreamItems));
    }

    /// <summary>Enqueues a layer of any number of tokens, with what comes before it.</summary>
    /// <param name="x">[tokens, columns], float32 or in the weights' type; with an activation [tokens, 2, columns], float32.</param>
    /// <param name="w">The weights.</param>
    /// <param name="bias">[rows], or null for none.</param>
    /// <param name="y">[tokens, rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="flags">As the kernel's.</param>
    /// <param name="norm">The norm that x has yet to go through; null for none.</param>
    /// <param name="activation">The activation of the first half of x, which the second half is multiplied by; null for none.</param>
    public void Many(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags,
        RmsNorm? norm = null, Activation? activation = null)
    {
        // Nothing is left of numbers that have the weights' type.
        int count = tokens <= ExactTokens && TypeOf(x) == 0 ? 2 : 1;
        Split(x, w.Columns, y, tokens, count, order: 0, norm, activation);
        Multiply(w.Buffer, w.Columns, w.Rows, bias, y, tokens, flags, count);
    }

    /// <summary>Enqueues the layers of experts.</summary>
    /// <param name="x">[slots / slotsPerRow, columns].</param>
    /// <param name="w">The experts' matrices.</param>
    /// <param name="bias">[experts, rows], or null for none.</param>
    /// <param name="experts">[slots].</param>
    /// <param name="y">[slots, rows].</param>
    /// <param name="slots">Slots.</param>
    /// <param name="slotsPerRow">Slots side by side that take the same row of <paramref name="x"/>.</param>
    /// <param name="flags">As the kernels'.</param>
    /// <param name="choice">The number of the choice of experts, from 1 on.</param>
    /// <param name="gate">
    /// The activation of the first half of the outputs, of tiles of few slots; y is [slots, rows / 2]; null for none.
    /// </param>
    public void Experts(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, DeviceBuffer<float> y, int slots,
        int slotsPerRow, int flags, long choice, Activation? gate)
    {
        int rows = w.Rows / w.Count;
        int tile = ExpertTile(slots, w.Count, HasGroups, FewSlots, most: GroupRows);
        if (tile > FewTokens)
        {
            ExpertTiles inOrder = Sort(experts, slots, w.Count, tile, choice);
            Split(x, w.Columns, y, inOrder.Places, count: 1, order: 0, norm: null, activation: null, inOrder, slotsPerRow);
            MultiplyExperts(
                kernels[new("linear_groups") { IsFloat16 = isFloat16, Parts = 1, Tokens = tile, Experts = 2 }], w, bias, y, inOrder, flags);
            return;
        }

        ExpertTiles? few = tile == 1 ? null : Sort(experts, slots, w.Count, tile, choice);
        ComputeKernel kernel =
            kernels[new("linear_few") { IsFloat16 = isFloat16, IsGated = gate is not null, Experts = few is null ? 1 : 2 }];
        SetFew(kernel, x, w.Buffer, bias, y, w.Columns, rows, slots, flags, norm: null, gate);
        int count = SetTiles(kernel, experts, few, slots, slotsPerRow);
        int groups = gate is null ? Parts(rows, FewRows) : Parts(rows / 2, FewRows / 2);
        submit(kernel, new NDRange((nuint)groups * FewItems, (nuint)count), new NDRange(FewItems, 1));
    }

    /// <summary>The slots of a tile: 1, <see cref="FewTokens"/> or, for wgmma, 64 or 128.</summary>
    /// <param name="slots">Slots.</param>
    /// <param name="experts">Experts.</param>
    /// <param name="hasGroups">Whether there is wgmma.</param>
    /// <param name="fewSlots">Slots of an expert up to which tiles of few are faster.</param>
    /// <param name="most">The most slots of a tile.</param>
    internal static int ExpertTile(int slots, int experts, bool hasGroups, int fewSlots, int most) =>
        slots <= LoneSlots ? 1
        : !hasGroups || slots <= Math.Max(ExactSlots, (long)fewSlots * experts) ? FewTokens
        : slots < (long)Block * experts ? Block : Math.Min(most, 2 * Block);

    /// <summary>Enqueues the order of slots by their experts.</summary>
    /// <param name="experts">[slots].</param>
    /// <param name="slots">Slots.</param>
    /// <param name="expertCount">Experts.</param>
    /// <param name="tile">The most slots of a tile.</param>
    /// <param name="choice">The number of the choice of experts; the order of one is made once.</param>
    internal ExpertTiles Sort(DeviceBuffer<int> experts, int slots, int expertCount, int tile, long choice)
    {
        var key = (choice, slots, expertCount, tile);
        if (key == sortedKey)
        {
            return sorted;
        }

        // Each expert's slots begin where a block of tokens, or a tile of few, may begin.
        int align = Math.Min(tile, Block);
        int used = Math.Min(expertCount, slots);
        int places = checked(Parts(slots, align) + used) * align;
        int count = Parts(slots, tile) + used;
        device.Grow(ref order, places);
        device.Grow(ref tiles, 4L * count);
        ComputeKernel kernel = kernels[new("sort_slots")];
        kernel.Set(0, experts).Set(1, order!).Set(2, tiles!).Set(3, slots).Set(4, expertCount).Set(5, places).Set(6, count).Set(7, align)
            .Set(8, tile);
        submit(kernel, new NDRange(SortItems), new NDRange(SortItems));
        sortedKey = key;
        sorted = new ExpertTiles(order!, tiles!, places, count);
        return sorted;
    }

    /// <summary>Enqueues the making of the parts of x, which the next product takes.</summary>
    /// <param name="x">As in <see cref="Many"/>.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="any">A buffer to give where none is read.</param>
    /// <param name="tokens">Tokens, or places of experts' slots.</param>
    /// <param name="count">Parts: 1 or 2.</param>
    /// <param name="order">As <see cref="TensorKernelForm.Order"/>.</param>
    /// <param name="norm">The norm.</param>
    /// <param name="activation">The activation.</param>
    /// <param name="sorted">The order of experts' slots.</param>
    /// <param name="slotsPerRow">Slots of a row of x.</param>
    /// <returns>The parts.</returns>
    internal DeviceBuffer<byte> Split(
        DeviceBuffer x, int columns, DeviceBuffer any, int tokens, int count, int order, RmsNorm? norm, Activation? activation,
        ExpertTiles? sorted = null, int slotsPerRow = 1)
    {
        int blocks = Parts(columns, Block);
        device.Grow(ref parts, (long)count * Parts(tokens, Block) * blocks * BlockPieces * 16);
        device.Grow(ref scales, tokens);
        ComputeKernel split = kernels[new("split_blocks")
        {
            IsFloat16 = isFloat16, XType = TypeOf(x), HasNorm = norm is not null, IsGated = activation is not null, Order = order,
            Experts = sorted is null ? 0 : 1,
        }];
        split.Set(0, x).Set(1, parts!).Set(2, scales!).Set(3, norm?.Weight ?? any).Set(4, (float)(norm?.Epsilon ?? 0)).Set(5, columns)
            .Set(6, tokens).Set(7, count).Set(8, (int)(activation ?? default));
        if (sorted is { } slots)
        {
            split.Set(9, slots.Order).Set(10, slotsPerRow);
        }

        // Work-groups of a token each find its norm; an activation is too much to find the largest of a token again.
        int chunks = isFloat16 && activation is not null ? 1 : Parts(blocks * BlockPieces / Block, SplitItems);
        submit(split, new NDRange((nuint)tokens * (nuint)chunks * SplitItems), new NDRange(SplitItems));
        return parts!;
    }

    /// <summary>Enqueues the product of parts that <see cref="Split"/> made with a matrix in blocks.</summary>
    /// <param name="w">The blocks.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="bias">[rows], or null for none.</param>
    /// <param name="y">[tokens, rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="flags">As the kernels'.</param>
    /// <param name="count">Parts.</param>
    internal void Multiply(
        DeviceBuffer w, int columns, int rows, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags, int count)
    {
        if (HasGroups)
        {
            (int tile, int splits) = Tile(rows, columns, tokens, device.Capabilities.ComputeUnits);
            ComputeKernel groups = kernels[new("linear_groups") { IsFloat16 = isFloat16, Parts = count, Tokens = tile }];
            MultiplyGroups(groups, w, columns, rows, bias, y, tokens, flags, tile, splits);
            return;
        }

        ComputeKernel kernel = kernels[new("linear_many") { IsFloat16 = isFloat16, Parts = count }];
        kernel.Set(0, parts!).Set(1, scales!).Set(2, w).Set(3, bias ?? y).Set(4, y).Set(5, columns).Set(6, rows).Set(7, tokens)
            .Set(8, flags);
        long tiles = (long)Parts(rows, ManySide) * Parts(tokens, ManySide);
        submit(kernel, new NDRange((nuint)tiles * ManyItems), new NDRange(ManyItems));
    }

    /// <summary>Enqueues the product of parts by wgmma.</summary>
    internal void MultiplyGroups(
        ComputeKernel kernel, DeviceBuffer w, int columns, int rows, DeviceBuffer<float>? bias, DeviceBuffer<float> y,
        int tokens, int flags,
        int tile, int splits)
    {
        long tiles = (long)Parts(rows, GroupRows) * Parts(tokens, tile);
        if (splits > 1)
        {
            device.Grow(ref partial, tiles * splits * tile * GroupRows);
        }

        SetGroups(kernel, w, columns, rows, bias, y, tokens, flags, splits);
        submit(kernel, new NDRange((nuint)(tiles * splits) * GroupItems), new NDRange(GroupItems));
    }

    /// <summary>Enqueues the product of the parts of experts' slots by wgmma.</summary>
    internal void MultiplyExperts(
        ComputeKernel kernel, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, ExpertTiles sorted, int flags)
    {
        int rows = w.Rows / w.Count;
        SetGroups(kernel, w.Buffer, w.Columns, rows, bias, y, sorted.Places, flags, splits: 1);
        kernel.Set(12, sorted.Tiles).Set(13, sorted.Order).Set(14, 1).Set(15, sorted.Count);
        submit(kernel, new NDRange((nuint)Parts(rows, GroupRows) * (nuint)sorted.Count * GroupItems), new NDRange(GroupItems));
    }

    /// <summary>Sets the arguments of a kernel of few tokens, but for those of experts.</summary>
    internal static void SetFew(
        ComputeKernel kernel, DeviceBuffer x, DeviceBuffer w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int columns,
        int rows, int tokens,
        int flags, RmsNorm? norm, Activation? activation) =>
        kernel.Set(0, x).Set(1, w).Set(2, bias ?? y).Set(3, y).Set(4, norm?.Weight ?? y).Set(5, (float)(norm?.Epsilon ?? 0))
            .Set(6, columns).Set(7, rows).Set(8, tokens).Set(9, flags).Set(10, (int)(activation ?? default));

    /// <summary>Sets the arguments of a kernel of few tokens that are those of experts.</summary>
    /// <returns>Tiles.</returns>
    internal static int SetTiles(ComputeKernel kernel, DeviceBuffer<int> experts, ExpertTiles? sorted, int slots, int slotsPerRow)
    {
        if (sorted is not { } tiles)
        {
            kernel.Set(11, experts).Set(12, slotsPerRow);
            return slots;
        }

        kernel.Set(11, tiles.Tiles).Set(12, tiles.Order).Set(13, slotsPerRow).Set(14, tiles.Count);
        return tiles.Count;
    }

    /// <summary>Frees kernels and memory.</summary>
    public void Dispose()
    {
        kernels.Dispose();
        parts?.Dispose();
        scales?.Dispose();
        partial?.Dispose();
        counters?.Dispose();
        order?.Dispose();
        tiles?.Dispose();
    }

    /// <summary>The tile of a launch: its tokens, and how many work-groups share a tile's columns.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="units">Multiprocessors.</param>
    /// <param name="most">The most tokens of a tile.</param>
    internal static (int Tokens, int Splits) Tile(int rows, int columns, int tokens, int units, int most = 256)
    {
        int rowTiles = Parts(rows, GroupRows);
        int tile = tokens <= 16 ? 16 : tokens <= 32 ? 32 : tokens <= ExactTokens ? ExactTokens
            : Parts(rowTiles * Parts(tokens, 256), units) * WideTile < Parts(rowTiles * Parts(tokens, 128), units) ? 256 : 128;
        tile = Math.Min(tile, most);
        int tiles = rowTiles * Parts(tokens, tile);

        // Each has at least eight blocks to copy ahead.
        return (tile, Math.Clamp(Math.Min(units / tiles, Parts(columns, Block) / 8), 1, MostSplits));
    }

    /// <summary>0 for float32, 1 for a type of 16 bits.</summary>
    internal static int TypeOf(DeviceBuffer x) => x is DeviceBuffer<float> ? 0 : 1;

    /// <summary>Parts of a whole, the last one included.</summary>
    internal static int Parts(int whole, int part) => (int)(((long)whole + part - 1) / part);

    private void SetGroups(
        ComputeKernel kernel, DeviceBuffer w, int columns, int rows, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens,
        int flags, int splits)
    {
        if (counters is null)
        {
            // Each launch leaves them as it found them. Splits are as many as fit the device at once, and so are their tiles.
            counters = device.Allocate<int>(device.Capabilities.ComputeUnits);
            device.Queue.Write(counters, new int[counters.Length]);
        }

        kernel.Set(0, parts!).Set(1, scales!).Set(2, w).Set(3, bias ?? y).Set(4, y).Set(5, partial ?? y).Set(6, counters)
            .Set(7, columns).Set(8, rows).Set(9, tokens).Set(10, flags).Set(11, splits);
    }

    private void SubmitItems(ComputeKernel kernel, long items)
    {
        if (items > 0)
        {
            submit(kernel, new NDRange((nuint)((items + 255) / 256 * 256)), new NDRange(256));
        }
    }
}
