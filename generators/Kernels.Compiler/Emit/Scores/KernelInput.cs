using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>A run-time input of a spec's kernels: an argument that the launcher gives beside queries and cache.</summary>
/// <param name="Type">Its type in OpenCL C.</param>
/// <param name="Name">Its name among the kernel's parameters.</param>
/// <param name="Meaning">Its shape and what it holds, for a comment.</param>
/// <param name="ToItem">A statement that moves a pointer to what belongs to the work item's request, or empty.</param>
internal sealed record KernelInput(string Type, string Name, string Meaning, string ToItem = "")
{
    public static readonly KernelInput Sinks = new("global const float*", "sinks", "[QUERY_HEADS]: a logit in the softmax denominator");

    // An item without keys may stand past the end of the buffer, which has one element at least.
    public static readonly KernelInput Documents = new("global const int*", "documents", "[keys of all requests]: the document of each key",
        "documents += item.kv_end > 0 ? item.key_begin : 0;");

    public static readonly KernelInput KeyMask = new("global const uchar*", "key_mask", "[requests, keys]: 0 hides a key",
        "key_mask += item.batch * key_mask_stride;");

    public static readonly KernelInput KeyMaskStride = new("long", "key_mask_stride", "from request to request; 0 if all share one mask");

    public static readonly KernelInput Bias = new("global const float*", "bias", "[requests, QUERY_HEADS, queries, keys]: added to scores",
        "bias += item.batch * bias_request_stride;");

    public static readonly KernelInput BiasRequestStride = new("long", "bias_request_stride", "0 along axes that share one bias");

    public static readonly KernelInput BiasHeadStride = new("long", "bias_head_stride", "");

    public static readonly KernelInput BiasQueryStride = new("long", "bias_query_stride", "");

    public static readonly KernelInput Rope = new("global const float2*", "rope", "[positions, ROTARY_DIM / 2]: cosine and sine");

    /// <summary>All inputs of a spec's flash kernels, in the order in which the launcher gives them.</summary>
    public static IReadOnlyList<KernelInput> Of(AttentionSpec spec) =>
    [
        .. KernelArguments.Inputs(spec.Shape).SelectMany(argument => Find(argument) is { } input ? [input] : spec.ModInputs.Select(Of)),
    ];

    /// <summary>The input that is an argument, or null where it is none of an option's.</summary>
    public static KernelInput? Find(KernelArgument argument) => argument switch
    {
        KernelArgument.Sinks => Sinks,
        KernelArgument.Documents => Documents,
        KernelArgument.KeyMask => KeyMask,
        KernelArgument.KeyMaskStride => KeyMaskStride,
        KernelArgument.Bias => Bias,
        KernelArgument.BiasRequestStride => BiasRequestStride,
        KernelArgument.BiasHeadStride => BiasHeadStride,
        KernelArgument.BiasQueryStride => BiasQueryStride,
        KernelArgument.Rope => Rope,
        _ => null,
    };

    /// <summary>An input of a mod. Its name is apart from the kernel's own, in ASCII, and no other input's.</summary>
    public static KernelInput Of(ModInput input) => new(ScoreRules.TypeOf(input.Type), NameOf(input.Name), "");

    /// <summary>Inputs as parameters of a function, each with a leading comma.</summary>
    public static string Parameters(IEnumerable<KernelInput> inputs) => string.Concat(inputs.Select(input => $", {input.Type} {input.Name}"));

    /// <summary>Inputs as arguments, each with a leading comma.</summary>
    public static string Arguments(IEnumerable<KernelInput> inputs) => string.Concat(inputs.Select(input => $", {input.Name}"));

    /// <summary>Where a name has other letters, an underscore begins their numbers and stands twice for itself, so that no two names meet.</summary>
    private static string NameOf(string name) => name.All(c => c < 128)
        ? "input_" + name
        : "unicode_input_" + string.Concat(name.Select(c =>
            c == '_' ? "__" : c < 128 ? c.ToString() : "_" + ((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture)));
}
