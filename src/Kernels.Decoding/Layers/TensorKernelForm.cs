using static System.FormattableString;

namespace Kernels.Decoding;

/// <summary>Which of the tensor cores' kernels, and what it is built with; its text is only made for that, not for each launch.</summary>
/// <param name="Name">The kernel.</param>
internal readonly record struct TensorKernelForm(string Name)
{
    /// <summary>Whether x is multiplied in float16, and not in bfloat16.</summary>
    public bool IsFloat16 { get; init; }

    /// <summary>0: x is float32; 1: it is in the type that it is multiplied in.</summary>
    public int XType { get; init; }

    /// <summary>Whether x goes through a norm.</summary>
    public bool HasNorm { get; init; }

    /// <summary>Whether a gate is on the way.</summary>
    public bool IsGated { get; init; }

    /// <summary>16-bit parts of x.</summary>
    public int Parts { get; init; }

    /// <summary>Tokens of a tile.</summary>
    public int Tokens { get; init; }

    /// <summary>The order of the parts of x: 0 in blocks, 1 in blocks for weights in groups, 2 as fragments.</summary>
    public int Order { get; init; }

    /// <summary>Strips of 16 rows of a work-group.</summary>
    public int Strips { get; init; }

    /// <summary>Warps of a work-group.</summary>
    public int Warps { get; init; }

    /// <summary>Numbers of x that local memory has room for; 0: parts of x are not shared.</summary>
    public int Shared { get; init; }

    /// <summary>Eights of tokens of a work-group.</summary>
    public int Eights { get; init; }

    /// <summary>0: one matrix; 1: an expert for each slot; 2: tiles of slots by a table.</summary>
    public int Experts { get; init; }

    /// <summary>What is defined before the texts.</summary>
    /// <param name="inGroups">Whether weights are in groups.</param>
    public string Defines(bool inGroups)
    {
        string start = Invariant($"#define ELEMENT {(IsFloat16 ? 1 : 0)}\n#define EXPERTS {Experts}\n");
        return start + Name switch
        {
            "linear_few" => Input()
                + Invariant($"#define STRIPS {Strips}\n#define WARPS {Warps}\n#define SHARED {Shared}\n#define TILES {Eights}\n")
                + Invariant($"#define FRAGMENTS {(Order == 2 ? 1 : 0)}\n"),
            "linear_stream" => Input() + Invariant($"#define STAGES 16\n#define STRIPS {Strips}\n"),
            "split_blocks" => Input() + Invariant($"#define IN_UNITS {Order}\n"),
            "linear_many" => Invariant($"#define PARTS {Parts}\n"),
            "linear_groups" => Invariant($"#define GROUPS 2\n#define TOKENS {Tokens}\n#define PARTS {Parts}\n")
                + Invariant($"#define STAGES {Stages(Tokens)}\n{Multiply(Tokens * Parts, inGroups)}"),
            _ => string.Empty,
        };
    }

    /// <summary>The texts, in their order.</summary>
    /// <param name="inGroups">Whether weights are in groups.</param>
    public string[] Texts(bool inGroups) => Name switch
    {
        "linear_few" when inGroups => ["tensor_shared.cl", "tensor_codes.cl", "tensor_inputs.cl", "tensor_tiles.cl", "tensor_group_few.cl"],
        "linear_few" => ["tensor_shared.cl", "tensor_inputs.cl", "tensor_tiles.cl", "tensor_few.cl"],
        "linear_stream" => ["tensor_shared.cl", "tensor_inputs.cl", "tensor_pipeline.cl", "tensor_stream.cl"],
        "split_blocks" => ["tensor_shared.cl", "tensor_inputs.cl", "tensor_split.cl"],
        "linear_many" => ["tensor_shared.cl", "tensor_many.cl"],
        "linear_groups" when inGroups =>
            ["tensor_shared.cl", "tensor_codes.cl", "tensor_tiles.cl", "tensor_pipeline.cl", "tensor_wgmma.cl"],
        "linear_groups" => ["tensor_shared.cl", "tensor_tiles.cl", "tensor_pipeline.cl", "tensor_wgmma.cl"],
        "widen_units" => ["tensor_shared.cl", "tensor_codes.cl", "tensor_group_widen.cl"],
        "sort_slots" => ["expert_order.cl"],
        _ when inGroups => ["tensor_codes.cl", "tensor_group_arrange.cl"],
        _ => ["tensor_shared.cl", "tensor_arrange.cl"],
    };

    private static int Stages(int tokens) => tokens switch
    {
        256 or 64 => 4,
        _ => 5,
    };

    // The product of 64 rows with so many columns, as a macro of the functions that name all its registers.
    private static string Multiply(int columns, bool inGroups)
    {
        int registers = columns / 2;
        string names = string.Join(", ", Enumerable.Range(0, registers).Select(i => Invariant($"%{i}")));
        string operands = string.Join(
            ", ", Enumerable.Range(0, registers).Select(i => Invariant($"\"+f\"((d)[{i / 4}].s{i % 4})")));
        string factors = inGroups
            ? Invariant($"{{%{registers}, %{registers + 1}, %{registers + 2}, %{registers + 3}}}, %{registers + 4}")
            : Invariant($"%{registers}, %{registers + 1}");
        return Invariant($"""
            #define REGISTERS(d) {operands}
            #define REGISTER_NAMES "{names}"
            #define COLUMNS "{columns}"
            #define OPERANDS "{factors}"
            #define KEEP "%{registers + 5}"

            """);
    }

    private string Input() => Invariant($"#define X_TYPE {XType}\n#define NORM {(HasNorm ? 1 : 0)}\n#define GATED {(IsGated ? 1 : 0)}\n");
}
