using System.Text;
using Kernels.OpenCL;
using static System.FormattableString;

namespace Kernels.Decoding;

/// <summary>
/// Linear layers by NVIDIA's tensor cores (linear_tensor.cl), for weights of 16 bits: of up to 8 tokens straight from float32, of more by way
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

    private const int FewRows = 16;
    private const int FewItems = 256;
    private const int SplitItems = 256;
    private const int Block = 64;
    private const int BlockPieces = 512;

    // Of mma.sync's kernel of many tokens.
    private const int ManySide = 128;
    private const int ManyItems = 128;

    // Of wgmma's: two groups of four warps that multiply, one that copies.
    private const int GroupRows = 128;
    private const int GroupItems = 384;
    private const int MostSplits = 8;

    // A tile of 256 tokens takes this many times as long as one of 128.
    private const double WideTile = 1.8;

    private readonly bool hasGroups =
        device.Capabilities.NvidiaComputeCapability == HopperAssembly.ComputeCapability && device.HopperRefusal.Length == 0;

    private readonly Dictionary<KernelForm, ComputeKernel> kernels = [];
    private readonly List<ComputeProgram> programs = [];
    private DeviceBuffer<byte>? parts;
    private DeviceBuffer<float>? scales;
    private DeviceBuffer<float>? partial;
    private DeviceBuffer<int>? counters;

    /// <summary>Whether a device has the instructions.</summary>
    public static bool RunsOn(ComputeDevice device) => device.Capabilities.NvidiaComputeCapability >= 80;

    /// <summary>Whether matrices of a type and so many columns can be multiplied so.</summary>
    public static bool Takes(ElementType type, int columns) => type is ElementType.Float16 or ElementType.BFloat16 && columns % 8 == 0;

    /// <summary>Enqueues the making of blocks out of rows.</summary>
    /// <param name="from">[rows, columns].</param>
    /// <param name="to">As many blocks as hold them.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows.</param>
    public void Arrange(DeviceBuffer from, DeviceBuffer to, int columns, int rows)
    {
        ComputeKernel kernel = Kernel(new("arrange"));
        kernel.Set(0, from).Set(1, to).Set(2, columns).Set(3, rows);
        SubmitItems(kernel, (long)Parts(rows, Block) * Block * Parts(columns, Block) * 8);
    }

    /// <summary>Enqueues output[t] = scale · table[ids[t]], or output[t] += that.</summary>
    public void Embed(WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, float scale, bool accumulate)
    {
        ComputeKernel kernel = Kernel(new("embed_blocks"));
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens).Set(5, scale).Set(6, accumulate ? 1 : 0);
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
    /// <param name="activation">The activation of the first half of the outputs, which the second half is multiplied by; null for none.</param>
    public void Few(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags,
        RmsNorm? norm = null, Activation? activation = null)
    {
        ComputeKernel kernel = Kernel(new("linear_few") { XType = TypeOf(x), HasNorm = norm is not null, IsGated = activation is not null });
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, norm?.Weight ?? y).Set(5, (float)(norm?.Epsilon ?? 0))
            .Set(6, w.Columns).Set(7, w.Rows).Set(8, tokens).Set(9, flags).Set(10, (int)(activation ?? default));
        int groups = activation is null ? Parts(w.Rows, FewRows) : Parts(w.Rows / 2, FewRows / 2);
        submit(kernel, new NDRange((nuint)groups * FewItems), new NDRange(FewItems));
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
        int count = tokens <= ExactTokens ? 2 : 1;
        int blocks = Parts(w.Columns, Block);
        device.Grow(ref parts, (long)count * Parts(tokens, Block) * blocks * BlockPieces * 16);
        device.Grow(ref scales, tokens);
        ComputeKernel split = Kernel(new("split_blocks") { XType = TypeOf(x), HasNorm = norm is not null, IsGated = activation is not null });
        split.Set(0, x).Set(1, parts!).Set(2, scales!).Set(3, norm?.Weight ?? y).Set(4, (float)(norm?.Epsilon ?? 0)).Set(5, w.Columns)
            .Set(6, tokens).Set(7, count).Set(8, (int)(activation ?? default));
        submit(split, new NDRange((nuint)tokens * SplitItems), new NDRange(SplitItems));
        if (hasGroups)
        {
            SubmitGroups(w, bias, y, tokens, flags, count, blocks);
            return;
        }

        ComputeKernel kernel = Kernel(new("linear_many") { Parts = count });
        kernel.Set(0, parts!).Set(1, scales!).Set(2, w.Buffer).Set(3, bias ?? y).Set(4, y).Set(5, w.Columns).Set(6, w.Rows).Set(7, tokens)
            .Set(8, flags);
        long tiles = (long)Parts(w.Rows, ManySide) * Parts(tokens, ManySide);
        submit(kernel, new NDRange((nuint)tiles * ManyItems), new NDRange(ManyItems));
    }

    /// <summary>Frees kernels and memory.</summary>
    public void Dispose()
    {
        foreach (ComputeKernel kernel in kernels.Values)
        {
            kernel.Dispose();
        }

        foreach (ComputeProgram program in programs)
        {
            program.Dispose();
        }

        parts?.Dispose();
        scales?.Dispose();
        partial?.Dispose();
        counters?.Dispose();
    }

    /// <summary>The tile of a launch: its tokens, and how many work-groups share a tile's columns.</summary>
    internal static (int Tokens, int Splits) Tile(int rows, int columns, int tokens, int units)
    {
        int rowTiles = Parts(rows, GroupRows);
        int tile = tokens <= 16 ? 16 : tokens <= 32 ? 32 : tokens <= ExactTokens ? ExactTokens
            : Parts(rowTiles * Parts(tokens, 256), units) * WideTile < Parts(rowTiles * Parts(tokens, 128), units) ? 256 : 128;
        int tiles = rowTiles * Parts(tokens, tile);

        // Each has at least eight blocks to copy ahead.
        return (tile, Math.Clamp(Math.Min(units / tiles, Parts(columns, Block) / 8), 1, MostSplits));
    }

    private static int TypeOf(DeviceBuffer x) => x is DeviceBuffer<float> ? 0 : 1;

    private static int Parts(int whole, int part) => (int)(((long)whole + part - 1) / part);

    private static int Stages(int tokens) => tokens switch
    {
        256 or ExactTokens => 4,
        _ => 5,
    };

    private void SubmitGroups(WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, int flags, int count, int blocks)
    {
        (int tile, int splits) = Tile(w.Rows, w.Columns, tokens, device.Capabilities.ComputeUnits);
        long tiles = (long)Parts(w.Rows, GroupRows) * Parts(tokens, tile);
        if (splits > 1)
        {
            device.Grow(ref partial, tiles * splits * tile * GroupRows);
        }

        if (counters is null)
        {
            // Each launch leaves them as it found them. Splits are as many as fit the device at once, and so are their tiles.
            counters = device.Allocate<int>(device.Capabilities.ComputeUnits);
            device.Queue.Write(counters, new int[counters.Length]);
        }

        ComputeKernel kernel = Kernel(new("linear_groups") { Parts = count, Tokens = tile });
        kernel.Set(0, parts!).Set(1, scales!).Set(2, w.Buffer).Set(3, bias ?? y).Set(4, y).Set(5, partial ?? y).Set(6, counters)
            .Set(7, w.Columns).Set(8, w.Rows).Set(9, tokens).Set(10, flags).Set(11, splits);
        submit(kernel, new NDRange((nuint)(tiles * splits) * GroupItems), new NDRange(GroupItems));
    }

    // The product of 64 rows with so many columns, as a macro of the functions that name all its registers.
    private static string Multiply(int columns)
    {
        int registers = columns / 2;
        string names = string.Join(", ", Enumerable.Range(0, registers).Select(i => Invariant($"%{i}")));
        string operands = string.Join(
            ", ", Enumerable.Range(0, registers).Select(i => Invariant($"\"+f\"((d)[{i / 4}].s{i % 4})")));
        return Invariant($"""
            #define REGISTERS(d) {operands}
            #define REGISTER_NAMES "{names}"
            #define COLUMNS "{columns}"
            #define OPERANDS "%{registers}, %{registers + 1}"

            """);
    }

    private void SubmitItems(ComputeKernel kernel, long items)
    {
        if (items > 0)
        {
            submit(kernel, new NDRange((nuint)((items + 255) / 256 * 256)), new NDRange(256));
        }
    }

    private ComputeKernel Kernel(KernelForm form)
    {
        if (!kernels.TryGetValue(form, out ComputeKernel? kernel))
        {
            string source = $"#define ELEMENT {(type == ElementType.Float16 ? 1 : 0)}\n{form.Defines()}{LayerKernels.Text("linear_tensor.cl")}";
            ComputeProgram program = HopperAssembly.GetOrBuild(device.Programs, Encoding.UTF8.GetBytes(source), $"{form.Name}, {type}");
            programs.Add(program);
            kernel = program.CreateKernel(form.Name);
            kernels.Add(form, kernel);
        }

        return kernel;
    }

    /// <summary>What a kernel is built with; its text is only made for that, not for each launch.</summary>
    private readonly record struct KernelForm(string Name)
    {
        public int XType { get; init; }

        public bool HasNorm { get; init; }

        public bool IsGated { get; init; }

        public int Parts { get; init; }

        public int Tokens { get; init; }

        public string Defines() => Name switch
        {
            "linear_few" => "#define FEW\n" + Input(),
            "split_blocks" => "#define SPLIT\n" + Input(),
            "linear_many" => Invariant($"#define MANY\n#define PARTS {Parts}\n"),
            "linear_groups" => Invariant(
                $"#define GROUPS 2\n#define TOKENS {Tokens}\n#define PARTS {Parts}\n#define STAGES {Stages(Tokens)}\n{Multiply(Tokens * Parts)}"),
            _ => "#define ARRANGE\n",
        };

        private string Input() =>
            Invariant($"#define X_TYPE {XType}\n#define NORM {(HasNorm ? 1 : 0)}\n#define GATED {(IsGated ? 1 : 0)}\n");
    }
}
