using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>The programs that read weights: one for each format of weights and family of kernels, built when first used.</content>
internal sealed partial class LayerKernels
{
    private readonly Dictionary<(WeightFamily, WeightFormat), Task<ComputeProgram>> weightPrograms = [];
    private readonly Dictionary<(WeightFamily, string, WeightFormat), ComputeKernel> weightKernels = [];

    /// <summary>Kernels that a model has all of or none: what is built without being used only takes time.</summary>
    internal enum WeightFamily
    {
        /// <summary>The embedding and linear layers.</summary>
        Dense,

        /// <summary>Linear layers of experts.</summary>
        Experts,

        /// <summary>The embedding, and linear layers by dot products.</summary>
        Dots,

        /// <summary>Linear layers of experts by dot products.</summary>
        ExpertDots,

        /// <summary>Products of heads with matrices of their own.</summary>
        Heads,

        /// <summary>What reads rows of a cache of latents.</summary>
        CachedRows,
    }

    /// <summary>Begins to build the embedding and the linear layers for weights of a type, on another thread.</summary>
    /// <param name="type">
    /// <see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/> or <see cref="ElementType.BFloat16"/>.
    /// </param>
    public void Prepare(ElementType type) => Prepare(WeightFormat.Of(type));

    /// <summary>Begins to build the embedding and the linear layers for weights of a format, on another thread.</summary>
    /// <param name="format">The format.</param>
    /// <param name="experts">Whether to build the linear layers of experts instead.</param>
    public void Prepare(WeightFormat format, bool experts = false)
    {
        // Of any number of columns that goes: others are rare.
        ArgumentNullException.ThrowIfNull(format);
        bool words = LayoutOf(format, WeightFormat.SuperGroup) == WeightLayout.Words;
        WeightProgram(
            experts ? words ? WeightFamily.ExpertDots : WeightFamily.Experts : words ? WeightFamily.Dots : WeightFamily.Dense, format);
    }

    /// <summary>The source of a family of kernels that read weights of one format.</summary>
    internal static string WeightSource(WeightFamily family, WeightFormat format, LinearForm form)
    {
        bool panels = form == LinearForm.Vectors;

        // Rows of caches, and matrices of heads, are row-major in any case.
        WeightLayout layout = !panels || family is WeightFamily.Heads or WeightFamily.CachedRows ? WeightLayout.RowMajor
            : family is WeightFamily.Dots or WeightFamily.ExpertDots ? WeightLayout.Words : WeightLayout.Vectors;
        StringBuilder source = new StringBuilder().Append(FormatSource(format, layout));
        switch (family)
        {
            case WeightFamily.Heads:
                source.Append($"#define HEAD_COLUMNS {(panels ? HeadColumnsOfVectors : 1)}\n");
                AddHeads("linear_heads_few", 1);
                AddHeads("linear_heads_many", HeadTokensMany);
                break;
            case WeightFamily.CachedRows:
                source.Append(Text("embedding.cl"));
                break;
            case WeightFamily.Dots:
                source.Append(Text("embedding.cl")).Append(Text("linear.cl"));
                AddDots(source, format, experts: false);
                break;
            case WeightFamily.ExpertDots:
                source.Append(Text("linear.cl"));
                AddDots(source, format, experts: true);
                break;
            case WeightFamily.Experts:
                source.Append(Text("linear.cl"));
                Add("linear_experts", experts: 1, tokens: 1);
                Add("linear_experts_many", experts: 2, PanelTokens);
                break;
            default:
                source.Append(Text("embedding.cl")).Append(Text("linear.cl"));
                Add("linear_few", experts: 0, tokens: 1);
                Add("linear_many", experts: 0, PanelTokens);
                break;
        }

        return source.ToString();

        void Add(string name, int experts, int tokens) => source
            .Append($"#define NAME {name}\n#define EXPERTS {experts}\n#define PANELS {Panels}\n#define TOKENS {tokens}\n")
            .Append(Text("linear_experts.cl"))
            .Append(Text((panels, format.HasGroups) switch
            {
                (true, true) => "linear_group_panels.cl",
                (true, false) => "linear_panels.cl",
                _ => tokens == 1 ? "linear_groups_few.cl" : "linear_groups_many.cl",
            }))
            .Append("#undef NAME\n#undef EXPERTS\n#undef PANELS\n#undef TOKENS\n");

        void AddHeads(string name, int tokens) => source
            .Append($"#define NAME {name}\n#define HEAD_TOKENS {tokens}\n").Append(Text("linear_heads.cl"))
            .Append("#undef NAME\n#undef HEAD_TOKENS\n");
    }

    /// <summary>What reads weights of a format that lie so: <c>weight_at</c> and its like.</summary>
    internal static string FormatSource(WeightFormat format, WeightLayout layout)
    {
        string lie = $"#define PANEL_ROWS {layout.PanelRows}\n#define WORD_BYTES {Math.Max(1, layout.WordBytes)}\n";
        if (!format.HasGroups)
        {
            return $"{lie}#define WEIGHT_BITS {format.CodeBits}\n#define WEIGHT_BFLOAT "
                + $"{(format.Code == WeightCode.BFloat16 ? 1 : 0)}\n{Text("weights.cl")}";
        }

        string codes = format.Code switch
        {
            WeightCode.E4M3 => "code_e4m3.cl",
            WeightCode.E2M1 => "code_e2m1.cl",
            WeightCode.Int8 => "code_int8.cl",
            _ => "code_int4.cl",
        };
        return $"""
            {lie}
            #define CODE_BITS {format.CodeBits}
            #define CODE_ZERO {format.Zero}
            #define GROUP {format.Group}
            #define SCALE {(int)format.Scale}
            #define MINIMUM {(format.HasMinimum ? 1 : 0)}
            {Text(codes)}
            {Text("weights_groups.cl")}

            """;
    }

    private ComputeKernel Kernel(WeightFamily family, string name, WeightFormat format)
    {
        if (!weightKernels.TryGetValue((family, name, format), out ComputeKernel? kernel))
        {
            kernel = Create(WeightProgram(family, format), name);
            weightKernels.Add((family, name, format), kernel);
        }

        return kernel;
    }

    private Task<ComputeProgram> WeightProgram(WeightFamily family, WeightFormat format)
    {
        if (!weightPrograms.TryGetValue((family, format), out Task<ComputeProgram>? built))
        {
            built = Build($"{family} layers, {format}", WeightSource(family, format, Form));
            weightPrograms.Add((family, format), built);
        }

        return built;
    }
}
