using System.Text;
using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>How the linear layers are computed.</summary>
public enum LinearForm
{
    /// <summary>Each work-item runs along the columns in wide vectors, alone: for CPUs.</summary>
    Vectors,

    /// <summary>Work-groups share what they read through local memory: for GPUs.</summary>
    WorkGroups,
}

/// <summary>
/// The layers of a decoder other than attention, as kernels on one device. Activations are float32, packed by token; every
/// method enqueues its work on the device's default queue and returns at once.
/// </summary>
/// <remarks>Not thread-safe: a kernel's arguments are set in several calls.</remarks>
public sealed class LayerKernels : IDisposable
{
    private const int BiasFlag = 1;
    private const int AccumulateFlag = 2;

    // The tiles of linear_vectors.cl.
    private const int VectorRowsFew = 8;
    private const int VectorRowsMany = 4;
    private const int VectorTokensMany = 4;

    // The work-groups of linear_groups.cl.
    private const int Lanes = 32;
    private const int GroupRows = 2;
    private const int GroupSide = 8;
    private const int GroupTile = GroupSide * 4;

    private readonly ComputeDevice device;
    private readonly ComputeKernel rmsNorm;
    private readonly ComputeKernel rope;
    private readonly ComputeKernel swiGlu;
    private readonly Dictionary<ElementType, WeightKernels> weightKernels = [];
    private readonly int normLanes;
    private readonly int elementLanes;
    private readonly int manyTokens;

    /// <summary>Builds the kernels that need no weights of a certain type; the others are built when first used.</summary>
    /// <param name="device">The device; it must outlive the object.</param>
    /// <param name="form">How linear layers are computed; by default what suits the kind of device.</param>
    /// <exception cref="ComputeException">A kernel cannot be built.</exception>
    public LayerKernels(ComputeDevice device, LinearForm? form = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        this.device = device;
        bool cpu = device.Capabilities.Kind == DeviceKind.Cpu;
        Form = form ?? (cpu ? LinearForm.Vectors : LinearForm.WorkGroups);
        ComputeProgram program = device.Programs.GetOrBuild(Source("layers.cl"), name: "layers");
        rmsNorm = program.CreateKernel("rms_norm");
        rope = program.CreateKernel("rope");
        swiGlu = program.CreateKernel("swiglu");

        // On a CPU one work-item is a loop over vectors, and more of them would only share a core.
        normLanes = cpu ? 1 : Math.Min(128, rmsNorm.WorkGroupLimit);
        elementLanes = Math.Min(64, Math.Min(rope.WorkGroupLimit, swiGlu.WorkGroupLimit));

        // From this many tokens on a tile of several pays: below, a tile would be mostly empty.
        manyTokens = Form == LinearForm.Vectors ? 2 : 5;
    }

    /// <summary>How the linear layers are computed.</summary>
    public LinearForm Form { get; }

    /// <summary>output[t] = table[ids[t]].</summary>
    /// <param name="table">[vocabulary, width].</param>
    /// <param name="ids">[tokens]; each from 0 to the table's rows − 1, which is the caller's to check.</param>
    /// <param name="output">[tokens, width].</param>
    /// <param name="tokens">Tokens.</param>
    public void Embed(WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens)
    {
        Require(ids.Length, tokens, nameof(ids));
        long elements = Require(output.Length, (long)tokens * table.Columns, nameof(output));
        ComputeKernel kernel = KernelsFor(table.Type).Embedding;
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens);
        SubmitElements(kernel, elements);
    }

    /// <summary>output[r] = input[r] / √(mean(input[r]²) + ε) · weight.</summary>
    /// <param name="input">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="epsilon">ε.</param>
    public void RmsNorm(DeviceBuffer<float> input, DeviceBuffer<float> weight, DeviceBuffer<float> output, int rows, double epsilon)
    {
        int width = (int)weight.Length;
        Require(input.Length, (long)rows * width, nameof(input));
        Require(output.Length, (long)rows * width, nameof(output));
        if (rows > 0)
        {
            rmsNorm.Set(0, input).Set(1, weight).Set(2, output).Set(3, width).Set(4, (float)epsilon).SetLocal(5, normLanes * sizeof(float));
            device.Queue.Submit(rmsNorm, new NDRange(checked(rows * normLanes)), new NDRange(normLanes));
        }
    }

    /// <summary>
    /// Takes the heads of one projection out of rows that hold several, and rotates the first elements of each head by its
    /// token's position.
    /// </summary>
    /// <param name="input">[tokens, <paramref name="stride"/>]; the heads begin at <paramref name="offset"/>.</param>
    /// <param name="stride">Elements from one row of the input to the next.</param>
    /// <param name="offset">Elements of a row before the heads.</param>
    /// <param name="output">[tokens, heads, headDim].</param>
    /// <param name="heads">Heads.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="positions">[tokens]; each less than the table's positions, which is the caller's to check.</param>
    /// <param name="table">The turns.</param>
    /// <param name="pairs">Which elements turn together.</param>
    /// <param name="tokens">Tokens.</param>
    public void Rope(
        DeviceBuffer<float> input,
        int stride,
        int offset,
        DeviceBuffer<float> output,
        int heads,
        int headDim,
        DeviceBuffer<int> positions,
        RopeTable table,
        RopePairs pairs,
        int tokens)
    {
        Require(positions.Length, tokens, nameof(positions));
        if (table.RotaryDim > headDim)
        {
            throw new ArgumentException($"The table rotates {table.RotaryDim} elements; a head has only {headDim}.", nameof(table));
        }

        SubmitHeads(input, stride, offset, output, heads, headDim, positions, table.Values, table.RotaryDim, pairs, tokens);
    }

    /// <summary>Takes the heads of one projection out of rows that hold several, as they are.</summary>
    /// <inheritdoc cref="Rope" path="/param"/>
    public void TakeHeads(DeviceBuffer<float> input, int stride, int offset, DeviceBuffer<float> output, int heads, int headDim, int tokens) =>
        SubmitHeads(input, stride, offset, output, heads, headDim, output, output, rotaryDim: 0, RopePairs.HalfSplit, tokens);

    /// <summary>output[t] = silu(gate) · up, where a row of the input is [gate, up].</summary>
    /// <param name="input">[tokens, 2, width].</param>
    /// <param name="output">[tokens, width].</param>
    /// <param name="width">Elements of a gate.</param>
    /// <param name="tokens">Tokens.</param>
    public void SwiGlu(DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int tokens)
    {
        long elements = (long)tokens * width;
        Require(input.Length, elements * 2, nameof(input));
        Require(output.Length, elements, nameof(output));
        swiGlu.Set(0, input).Set(1, output).Set(2, width).Set(3, tokens);
        SubmitElements(swiGlu, elements);
    }

    /// <summary>y[t] = w · x[t] + bias, or y[t] += that.</summary>
    /// <param name="x">[tokens, w.Columns].</param>
    /// <param name="w">[outputs, inputs].</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="y">[tokens, w.Rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="accumulate">Whether the result is added to what y holds: the residual stream.</param>
    public void Linear(DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, bool accumulate = false)
    {
        Require(x.Length, (long)tokens * w.Columns, nameof(x));
        Require(y.Length, (long)tokens * w.Rows, nameof(y));
        if (bias is not null)
        {
            Require(bias.Length, w.Rows, nameof(bias));
        }

        if (tokens == 0)
        {
            return;
        }

        WeightKernels kernels = KernelsFor(w.Type);
        bool many = tokens >= manyTokens;
        ComputeKernel kernel = many ? kernels.LinearMany : kernels.LinearFew;
        int flags = (bias is null ? 0 : BiasFlag) | (accumulate ? AccumulateFlag : 0);
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, w.Rows).Set(6, tokens).Set(7, flags);
        (NDRange global, NDRange local) = (Form, many) switch
        {
            (LinearForm.Vectors, false) => (new NDRange(tokens, Parts(w.Rows, VectorRowsFew)), new NDRange(1, 1)),
            (LinearForm.Vectors, true) => (new NDRange(Parts(tokens, VectorTokensMany), Parts(w.Rows, VectorRowsMany)), new NDRange(1, 1)),
            (_, false) => (new NDRange(checked(Parts(w.Rows, GroupRows) * Lanes * GroupRows), tokens), new NDRange(Lanes * GroupRows, 1)),
            (_, true) => (new NDRange(Parts(w.Rows, GroupTile) * GroupSide, Parts(tokens, GroupTile) * GroupSide), new NDRange(GroupSide, GroupSide)),
        };
        device.Queue.Submit(kernel, global, local);
    }

    /// <summary>Frees the kernels.</summary>
    public void Dispose()
    {
        rmsNorm.Dispose();
        rope.Dispose();
        swiGlu.Dispose();
        foreach (WeightKernels kernels in weightKernels.Values)
        {
            kernels.Embedding.Dispose();
            kernels.LinearFew.Dispose();
            kernels.LinearMany.Dispose();
        }
    }

    /// <summary>The source of the kernels that read weights of one type.</summary>
    internal static byte[] WeightSource(ElementType type, LinearForm form)
    {
        var source = new StringBuilder()
            .Append($"#define WEIGHT_BITS {type.SizeInBytes() * 8}\n")
            .Append($"#define WEIGHT_BFLOAT {(type == ElementType.BFloat16 ? 1 : 0)}\n")
            .Append(Text("weights.cl")).Append(Text("embedding.cl")).Append(Text("linear.cl"));
        if (form == LinearForm.WorkGroups)
        {
            source.Append(Text("linear_groups.cl"));
        }
        else
        {
            string body = Text("linear_vectors.cl");
            source.Append(Tile("linear_few", VectorRowsFew, 1)).Append(body).Append("#undef NAME\n#undef ROWS\n#undef TOKENS\n")
                .Append(Tile("linear_many", VectorRowsMany, VectorTokensMany)).Append(body);
        }

        return Encoding.UTF8.GetBytes(source.ToString());

        static string Tile(string name, int rows, int tokens) => $"#define NAME {name}\n#define ROWS {rows}\n#define TOKENS {tokens}\n";
    }

    private static string Text(string resource) => Encoding.UTF8.GetString(Source(resource));

    private static byte[] Source(string resource)
    {
        using Stream stream = typeof(LayerKernels).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no resource {resource}.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static int Parts(int whole, int part) => (int)(((long)whole + part - 1) / part);

    private static long Require(long length, long needed, string parameter) =>
        length >= needed ? needed : throw new ArgumentException($"Expected at least {needed} elements, got {length}.", parameter);

    private void SubmitHeads(
        DeviceBuffer<float> input,
        int stride,
        int offset,
        DeviceBuffer<float> output,
        int heads,
        int headDim,
        DeviceBuffer positions,
        DeviceBuffer<float> table,
        int rotaryDim,
        RopePairs pairs,
        int tokens)
    {
        int width = checked(heads * headDim);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, stride - width);
        Require(input.Length, (long)tokens * stride, nameof(input));
        long elements = Require(output.Length, (long)tokens * width, nameof(output));
        rope.Set(0, input).Set(1, output).Set(2, positions).Set(3, table).Set(4, stride).Set(5, offset)
            .Set(6, heads).Set(7, headDim).Set(8, rotaryDim).Set(9, pairs == RopePairs.Interleaved ? 1 : 0).Set(10, tokens);
        SubmitElements(rope, elements);
    }

    private void SubmitElements(ComputeKernel kernel, long elements)
    {
        if (elements > 0)
        {
            nuint lanes = (nuint)elementLanes;
            device.Queue.Submit(kernel, new NDRange(((nuint)elements + lanes - 1) / lanes * lanes), new NDRange(lanes));
        }
    }

    private WeightKernels KernelsFor(ElementType type)
    {
        if (!weightKernels.TryGetValue(type, out WeightKernels kernels))
        {
            ComputeProgram program = device.Programs.GetOrBuild(WeightSource(type, Form), name: $"linear, {type}");
            kernels = new WeightKernels(program.CreateKernel("embedding"), program.CreateKernel("linear_few"), program.CreateKernel("linear_many"));
            weightKernels.Add(type, kernels);
        }

        return kernels;
    }

    private readonly record struct WeightKernels(ComputeKernel Embedding, ComputeKernel LinearFew, ComputeKernel LinearMany);
}
