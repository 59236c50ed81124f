using System.Text;
using System.Text.RegularExpressions;
using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>The README's code is true: declarations and calls compile, the excerpt of a kernel is what is emitted, and its models are the decoder's.</summary>
public sealed class ReadmeTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(RepositoryFolder.Root, "README.md"));

    private static readonly string[] Declarations = [.. Blocks("csharp").Where(block => block.Contains("[AttentionKernel(", StringComparison.Ordinal))];

    [Fact]
    public async Task Declarations_compile_without_a_finding()
    {
        Assert.Equal(3, Declarations.Length);
        foreach (string declaration in Declarations)
        {
            Assert.Empty(await Compile(declaration).AnalyzeAsync());
        }
    }

    [Fact]
    public void The_call_compiles()
    {
        string call = Assert.Single(Blocks("csharp"), block => block.Contains("attention.Decode(", StringComparison.Ordinal));
        Compile($$"""
            {{Declarations[0]}}
            internal static class Program
            {
                internal static void Call(Half[] queries, Half[] keys, Half[] values, Half[] outputs)
                {
                    {{call}}
                }
            }
            """);
    }

    [Fact]
    public void The_excerpt_is_of_the_kernel_that_is_emitted()
    {
        using LoadedProgram program = Compile($$"""
            {{Declarations[0]}}
            /// <summary>Reads what was emitted.</summary>
            public static class Probe
            {
                /// <summary>The kernel.</summary>
                public static byte[] Kernel() => Llama3Attention.KernelSources.CpuPrefill.ToArray();
            }
            """).Load();
        string kernel = Encoding.UTF8.GetString(program.Call<byte[]>("Probe", "Kernel"));
        Assert.Contains(WithoutIndentation(Assert.Single(Blocks("c"))), WithoutIndentation(kernel), StringComparison.Ordinal);
    }

    [Fact]
    public void DeepSeeks_attention_is_the_decoders()
    {
        string known = Words(File.ReadAllText(Path.Combine(RepositoryFolder.Root, "examples/Decoders/Attention/KnownModels.cs")));
        string latent = Assert.Single(Declarations, declaration => declaration.Contains("LatentCache", StringComparison.Ordinal));
        string[] attention = [.. Regex.Matches(latent, @"\[AttentionKernel\(.*?\)\]\s*public sealed (partial class \w+;)", RegexOptions.Singleline)
            .Select(match => Words(match.Value).Replace("public sealed", "internal sealed", StringComparison.Ordinal))];
        Assert.Equal(2, attention.Length);
        Assert.All(attention, declaration => Assert.Contains(declaration, known, StringComparison.Ordinal));
    }

    private static GeneratorRun Compile(string code) => new UserProgram($"using System;\nusing Kernels;\nusing Kernels.OpenCL;\n{code}").Run().AssertClean();

    private static IEnumerable<string> Blocks(string language) =>
        Regex.Matches(Text, $"```{language}\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value);

    private static string WithoutIndentation(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimStart()));

    private static string Words(string text) => Regex.Replace(text, @"\s+", " ");
}
