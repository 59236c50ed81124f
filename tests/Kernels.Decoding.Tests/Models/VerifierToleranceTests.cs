using System.Collections.Immutable;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Right models in 16 bits pass verification, and wrong ones do not.</summary>
[Collection(DeviceCollection.Name)]
public sealed class VerifierToleranceTests(Devices devices)
{
    [SkippableTheory]
    [InlineData("llama-gqa", ElementType.BFloat16)]
    [InlineData("llama-gqa", ElementType.Float16)]
    [InlineData("qwen3-qknorm", ElementType.BFloat16)]
    [InlineData("gemma2-softcap-window", ElementType.BFloat16)]
    [InlineData("deepseek-v3-mla", ElementType.BFloat16)]
    [InlineData("deepseek-v3-fp8-blocks", ElementType.BFloat16)]
    [InlineData("gpt-oss-mxfp4", ElementType.BFloat16)]
    [InlineData("gpt-oss-mxfp4", ElementType.Float16)]
    public void RightModelsPassInSixteenBits(string name, ElementType type)
    {
        foreach (PromptResult result in Run(TestData.Folder(name), name, type))
        {
            Assert.True(
                result.Passed,
                $"{result.Prompt.Name}, {result.Form}: {result.MaxDifference} of {result.Tolerance}, {result.GreedyAgreed} of "
                    + $"{result.GreedyCompared} tokens, {result.Ties} ties, {result.RowsBeyond} rows of {result.RowsAllowed}");
            Assert.InRange(result.Tolerance, 2e-3, 0.2);
        }
    }

    /// <summary>One row of one matrix wrong, by half of it.</summary>
    [SkippableTheory]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    public void WrongModelsDoNot(ElementType type)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", File.ReadAllText(Path.Combine(TestData.Folder("llama-gqa"), "config.json")));
        Dictionary<string, StoredTensor> weights = StoredTensors.Read(TestData.Folder("llama-gqa"));
        StoredTensor down = weights["model.layers.1.mlp.down_proj.weight"];
        for (int i = 0; i < down.Shape[1]; i++)
        {
            down.Values[(7 * down.Shape[1]) + i] *= type == ElementType.Float32 ? 1.1f : -1;
        }

        StoredTensors.Write(folder, weights, "F32");
        Assert.Contains(Run(folder.Path, "llama-gqa", type), result => !result.Passed);
    }

    private List<PromptResult> Run(string folder, string name, ElementType type)
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(
            device, folder, sequences: 1, capacity: 104, AttentionCatalog.With(CacheKind.Contiguous, type: type));
        ImmutableArray<ReferencePrompt> prompts = Verifier.ReadExpected(Path.Combine(TestData.Folder(name), "expected.safetensors"));
        return [.. prompts.SelectMany(prompt => Enum.GetValues<PromptForm>().Select(form => Verifier.Run(decoder, prompt, form)))];
    }
}
