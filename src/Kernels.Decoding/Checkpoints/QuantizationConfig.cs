using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Kernels.Decoding;

/// <summary>What <c>quantization_config</c> says: how weights were quantised, and which were not.</summary>
/// <param name="Method">The form.</param>
internal sealed record QuantizationConfig(QuantizationMethod Method)
{
    /// <summary>Rows of a block (<see cref="QuantizationMethod.Fp8Blocks"/>).</summary>
    public int BlockRows { get; init; }

    /// <summary>Columns of a block (<see cref="QuantizationMethod.Fp8Blocks"/>).</summary>
    public int BlockColumns { get; init; }

    /// <summary>Names of modules that were not quantised; a star stands for anything.</summary>
    public ImmutableArray<string> NotConverted { get; init; } = [];

    /// <summary>Whether the weights of a module, a linear layer or embedding, are quantised, as far as the configuration says.</summary>
    /// <param name="module">The module, as in <c>model.layers.0.mlp.down_proj</c>.</param>
    public bool Converts(string module) => !NotConverted.Any(pattern => Matches(pattern, module));

    /// <summary>Reads the object, if there is one.</summary>
    /// <param name="json">The model's configuration.</param>
    /// <exception cref="CheckpointException">Weights are quantised in a way that is not read; the message names it.</exception>
    public static QuantizationConfig? Read(ConfigReader json)
    {
        if (json.OptionalObject("quantization_config") is not { } quantization)
        {
            return null;
        }

        ImmutableArray<string> notConverted =
            [.. quantization.OptionalTexts(quantization.AnyOf("modules_to_not_convert", "ignored_layers")) ?? []];
        string method = quantization.OptionalText("quant_method")
            ?? (quantization.Has("load_in_4bit") || quantization.Has("load_in_8bit") ? "bitsandbytes" : quantization.Text("quant_method"));
        switch (method)
        {
            case "mxfp4":
                return new QuantizationConfig(QuantizationMethod.Mxfp4) { NotConverted = notConverted };

            case "fp8":
                if (quantization.OptionalText("fmt") is { } fmt && fmt is not ("e4m3" or "float8_e4m3fn"))
                {
                    throw quantization.Unsupported("fmt", "e4m3");
                }

                if (!quantization.Has("weight_block_size"))
                {
                    throw new CheckpointException(
                        json.Path,
                        "'quantization_config' is fp8 without 'weight_block_size'; fp8 is read in blocks, as DeepSeek-V3 has it. "
                            + Remedy);
                }

                ImmutableArray<int> block = quantization.TokenIds("weight_block_size");
                return block.Length == 2 && block[0] > 0 && block[1] > 0
                    ? new QuantizationConfig(QuantizationMethod.Fp8Blocks)
                    {
                        BlockRows = block[0],
                        BlockColumns = block[1],
                        NotConverted = notConverted,
                    }
                    : throw quantization.Unsupported("weight_block_size", "two counts, rows and columns of a block");

            default:
                throw new CheckpointException(
                    json.Path, $"is quantised by '{method}', which is not read; read are fp8 in blocks and mxfp4. {Remedy}");
        }
    }

    private const string Remedy = "Take the model in bfloat16 or float16, or as a .gguf file in Q8_0, Q6_K, Q5_K, Q4_K or Q4_0";

    // A module's own name, one that it is below, or the last part of its name: what published files list.
    private static bool Matches(string pattern, string module)
    {
        if (pattern.Contains('*', StringComparison.Ordinal))
        {
            var expression = new StringBuilder("^");
            foreach (string piece in pattern.Split('*'))
            {
                expression.Append(expression.Length > 1 ? ".*" : "").Append(Regex.Escape(piece));
            }

            return Regex.IsMatch(
                module, expression.Append("(\\.|$)").ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }

        return module == pattern || module.StartsWith(pattern + ".", StringComparison.Ordinal)
            || module.EndsWith("." + pattern, StringComparison.Ordinal)
            || module.Contains("." + pattern + ".", StringComparison.Ordinal);
    }
}
