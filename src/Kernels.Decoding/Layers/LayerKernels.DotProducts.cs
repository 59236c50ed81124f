using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>Linear layers by a processor's dot products of narrow numbers: bfloat16 in pairs, and codes of 8 and 4 bits in fours.</content>
internal sealed partial class LayerKernels
{
    /// <summary>The most tokens whose inputs are not rounded, but with <see cref="LinearPrecision.Fast"/>.</summary>
    internal const int ExactDotTokens = 128;

    /// <summary>The most tokens whose inputs are never rounded: of so few, weights take longer to read than to multiply.</summary>
    internal const int FewDotTokens = 8;

    /// <summary>The environment variable with how exactly linear layers take their inputs: "standard", "float32" or "fast".</summary>
    internal const string PrecisionVariable = "KERNELS_LINEAR";

    // As many tokens and panels as AVX-512's registers hold the sums of.
    private const int DotTokens = 4;
    private const int PairTokensMany = 6;

    private readonly LinearPrecision precision;
    private readonly Lazy<DotInstructions> dots;
    private DeviceBuffer<byte>? dotInputs;
    private DeviceBuffer<int>? dotSteps;

    /// <summary>How a matrix is to lie for linear layers: where dot products take it, so that they read it.</summary>
    /// <param name="format">What the weights are stored as.</param>
    /// <param name="columns">Columns.</param>
    internal WeightLayout LayoutOf(WeightFormat format, int columns) =>
        Form == LinearForm.Vectors && precision != LinearPrecision.Float32 && HasDots(format) && columns % DotStep(format) == 0
            ? WeightLayout.Words : Layout;

    /// <exception cref="ArgumentException">The value is none of the three.</exception>
    internal static LinearPrecision ParsePrecision(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "standard" => LinearPrecision.Standard,
        "float32" => LinearPrecision.Float32,
        "fast" => LinearPrecision.Fast,
        _ => throw new ArgumentException($"Expected \"standard\", \"float32\" or \"fast\" in {PrecisionVariable}, got \"{value}\"."),
    };

    private static LinearPrecision PrecisionFromEnvironment() => ParsePrecision(Environment.GetEnvironmentVariable(PrecisionVariable));

    // Of float32 inputs, which pairs are multiplied by as they are: 24 bits are three bytes.
    private static int ExactParts(WeightFormat format) => format.HasGroups ? 3 : 0;

    // Columns that are multiplied by one scale.
    private static int DotStep(WeightFormat format) => !format.HasGroups ? 2 : format.Group % 32 == 0 ? 32 : 16;

    private static void AddDots(StringBuilder source, WeightFormat format, bool experts)
    {
        bool pairs = !format.HasGroups;
        int exact = ExactParts(format);
        source.Append("#define LANES 16\n").Append(Text("lanes.cl")).Append(Text("activation.cl"))
            .Append($"#define PAIRS {(pairs ? 1 : 0)}\n#define STEP {DotStep(format)}\n").Append(Text("dot_inputs.cl"));
        Add("linear_few", tokens: 1, exact);
        Add("linear_exact", DotTokens, exact);
        if (!pairs)
        {
            Add("linear_two_bytes", DotTokens, parts: 2);
        }

        Add("linear_many", pairs ? PairTokensMany : DotTokens, parts: 1);

        void Add(string name, int tokens, int parts) => source
            .Append($"#define NAME {name}\n#define EXPERTS {(!experts ? 0 : tokens == 1 ? 1 : 2)}\n#define PANELS {Panels}\n")
            .Append($"#define TOKENS {tokens}\n#define PARTS {parts}\n")
            .Append(Text("linear_experts.cl")).Append(Text(pairs ? "linear_pairs.cl" : "linear_bytes.cl"))
            .Append("#undef NAME\n#undef EXPERTS\n#undef PANELS\n#undef TOKENS\n#undef PARTS\n");
    }

    private bool HasDots(WeightFormat format) => format.Code switch
    {
        WeightCode.BFloat16 => dots.Value.HasPairs,
        WeightCode.Int8 or WeightCode.Int4 or WeightCode.E2M1 => dots.Value.HasBytes && format.Group % 16 == 0,
        _ => false,
    };

    private bool Rounds(int tokens) => tokens > (precision == LinearPrecision.Fast ? FewDotTokens : ExactDotTokens);

    // Inputs that are bfloat16 already are pairs as they are.
    private void LinearDots(
        DeviceBuffer x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, bool accumulate,
        RmsNorm? norm, Activation? gate)
    {
        bool ready = x is DeviceBuffer<BFloat16>;
        int parts = ready ? 1 : InputParts(w.Format, tokens);
        DeviceBuffer inputs = ready || parts == 0 ? x : DotInputs(WeightFamily.Dots, x, w, tokens, parts, norm, gate);
        (string name, int tile) = DotKernel(w.Format, parts, tokens == 1);
        ComputeKernel kernel = Kernel(WeightFamily.Dots, name, w.Format);
        int flags = (bias is null ? 0 : BiasFlag) | (accumulate ? AccumulateFlag : 0);
        kernel.Set(0, inputs).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, w.Rows).Set(6, tokens).Set(7, flags);
        if (w.Format.HasGroups)
        {
            kernel.Set(8, dotSteps!);
        }

        Submit(kernel, PanelTiles(w.Rows, Parts(tokens, tile)), new NDRange(1, 1));
    }

    // The bytes of an input; 0: inputs are float32.
    private int InputParts(WeightFormat format, int tokens) =>
        !Rounds(tokens) ? ExactParts(format) : format.HasGroups && precision != LinearPrecision.Fast ? 2 : 1;

    // The kernel of inputs of so many bytes, and the tokens of its tiles.
    private static (string Name, int Tile) DotKernel(WeightFormat format, int parts, bool single) => parts switch
    {
        _ when single => ("linear_few", 1),
        1 => ("linear_many", format.HasGroups ? DotTokens : PairTokensMany),
        2 => ("linear_two_bytes", DotTokens),
        _ => ("linear_exact", DotTokens),
    };

    private void ExpertDots(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, DeviceBuffer<float> y, int rows,
        int slots, int slotsPerRow)
    {
        bool groups = GroupsSlots(w, slots);
        int tokens = Parts(slots, slotsPerRow);
        int parts = groups ? InputParts(w.Format, choiceTokens) : ExactParts(w.Format);
        DeviceBuffer inputs = parts == 0 ? x : DotInputs(WeightFamily.ExpertDots, x, w, tokens, parts, norm: null, gate: null);
        (string name, int tile) = DotKernel(w.Format, parts, single: !groups);
        ComputeKernel kernel = Kernel(WeightFamily.ExpertDots, name, w.Format);
        kernel.Set(0, inputs).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, rows).Set(6, slots)
            .Set(7, bias is null ? 0 : BiasFlag);
        (int tiles, int next) = SetExperts(kernel, experts, slots, slotsPerRow, w.Count, groups ? tile : 0);
        if (w.Format.HasGroups)
        {
            kernel.Set(next, dotSteps!);
        }

        Submit(kernel, PanelTiles(rows, tiles), new NDRange(1, 1));
    }

    private DeviceBuffer DotInputs(
        WeightFamily family, DeviceBuffer x, WeightMatrix w, int rows, int parts, RmsNorm? norm, Activation? gate)
    {
        long steps = w.Format.HasGroups ? (long)rows * (w.Columns / DotStep(w.Format)) : 0;
        device.Grow(ref dotInputs, (long)rows * parts * w.Columns * (w.Format.HasGroups ? 1 : 2));
        device.Grow(ref dotSteps, 4 * steps);
        ComputeKernel kernel = Kernel(family, "dot_inputs", w.Format);
        kernel.Set(0, x).Set(1, (DeviceBuffer?)norm?.Weight ?? x).Set(2, dotInputs!).Set(3, dotSteps!).Set(4, w.Columns).Set(5, parts)
            .Set(6, norm is null ? 0 : 1).Set(7, (float)(norm?.Epsilon ?? 0)).Set(8, gate is { } activation ? (int)activation : -1);
        Submit(kernel, new NDRange((nuint)rows), new NDRange(1));
        return dotInputs!;
    }
}
