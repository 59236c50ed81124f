using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>The programs that read weights: one for each type of weights and family of kernels, built when first used.</content>
public sealed partial class LayerKernels
{
    private readonly Dictionary<(WeightFamily, ElementType), Task<ComputeProgram>> weightPrograms = [];
    private readonly Dictionary<(WeightFamily, string, ElementType), ComputeKernel> weightKernels = [];

    /// <summary>Kernels that a model has all of or none: what is built without being used only takes time.</summary>
    internal enum WeightFamily
    {
        /// <summary>The embedding and linear layers.</summary>
        Dense,

        /// <summary>Linear layers of experts.</summary>
        Experts,

        /// <summary>Products of heads with matrices of their own.</summary>
        Heads,

        /// <summary>What reads rows of a cache of latents.</summary>
        CachedRows,
    }

    /// <summary>Begins to build the embedding and the linear layers for weights of a type, on another thread.</summary>
    /// <param name="type"><see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/> or <see cref="ElementType.BFloat16"/>.</param>
    public void Prepare(ElementType type) => WeightProgram(WeightFamily.Dense, type);

    /// <summary>The source of a family of kernels that read weights of one type.</summary>
    internal static string WeightSource(WeightFamily family, ElementType type, LinearForm form)
    {
        bool panels = form == LinearForm.Vectors;
        var source = new StringBuilder()
            .Append($"#define WEIGHT_BITS {type.SizeInBytes() * 8}\n")
            .Append($"#define WEIGHT_BFLOAT {(type == ElementType.BFloat16 ? 1 : 0)}\n")
            .Append($"#define PANEL_ROWS {(panels && family != WeightFamily.CachedRows ? WeightLayout.Vectors : WeightLayout.RowMajor).PanelRows}\n")
            .Append(Text("weights.cl"));
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
            case WeightFamily.Experts:
                source.Append(Text("linear.cl"));
                Add("linear_experts", experts: 1, tokens: 1);
                break;
            default:
                source.Append(Text("embedding.cl")).Append(Text("linear.cl"));
                Add("linear_few", experts: 0, tokens: 1);
                if (panels)
                {
                    Add("linear_many", experts: 0, PanelTokens);
                }
                else
                {
                    source.Append(Text("linear_groups_many.cl"));
                }

                break;
        }

        return source.ToString();

        void Add(string name, int experts, int tokens) => source
            .Append($"#define NAME {name}\n#define EXPERTS {experts}\n#define PANELS {Panels}\n#define TOKENS {tokens}\n")
            .Append(Text("linear_experts.cl")).Append(Text(panels ? "linear_panels.cl" : "linear_groups_few.cl"))
            .Append("#undef NAME\n#undef EXPERTS\n#undef PANELS\n#undef TOKENS\n");

        void AddHeads(string name, int tokens) => source
            .Append($"#define NAME {name}\n#define HEAD_TOKENS {tokens}\n").Append(Text("linear_heads.cl")).Append("#undef NAME\n#undef HEAD_TOKENS\n");
    }

    private ComputeKernel Kernel(WeightFamily family, string name, ElementType type)
    {
        if (!weightKernels.TryGetValue((family, name, type), out ComputeKernel? kernel))
        {
            kernel = Create(WeightProgram(family, type), name);
            weightKernels.Add((family, name, type), kernel);
        }

        return kernel;
    }

    private Task<ComputeProgram> WeightProgram(WeightFamily family, ElementType type)
    {
        if (!weightPrograms.TryGetValue((family, type), out Task<ComputeProgram>? built))
        {
            built = Build($"{family} layers, {type}", WeightSource(family, type, Form));
            weightPrograms.Add((family, type), built);
        }

        return built;
    }
}
