using Kernels.Compiler.Emit;
using Kernels.Compiler.Targets;
using Kernels.Generators.Parsing;

namespace Kernels.Generators.Writing;

/// <summary>Writes the OpenCL C sources of a spec as UTF-8 literals, to be read as they will run.</summary>
internal static class KernelSourceWriter
{
    public static string Write(SpecModel model) => CSharpFile.Write(model, null, "", writer =>
    {
        writer.Add("/// <summary>The OpenCL C source of each kernel, for each target.</summary>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Open("public static class KernelSources");
        if (model.IsBroken)
        {
            writer.Add("/// <summary>The source of one kernel, in UTF-8.</summary>");
            writer.Add(
                "public static global::System.ReadOnlySpan<byte> "
                + "Get(global::Kernels.KernelTarget target, global::Kernels.KernelAlgorithm algorithm) =>");
            writer.Add($"    {CSharpFile.ThrowBroken(model)};");
            writer.Close();
            return;
        }

        // A target that has no form of its own for a kernel has another's, which is written once.
        var all = Target.For(model.Spec)
            .SelectMany(target => KernelEmitter.AlgorithmsOf(model.Spec)
                .Select(algorithm => (target, algorithm, text: KernelEmitter.Emit(model.Spec, target, algorithm))))
            .GroupBy(kernel => kernel.text, StringComparer.Ordinal)
            .ToList();
        writer.Add("/// <summary>The source of one kernel, in UTF-8.</summary>");
        writer.Open(
            "public static global::System.ReadOnlySpan<byte> "
            + "Get(global::Kernels.KernelTarget target, global::Kernels.KernelAlgorithm algorithm) "
            + "=> (target, algorithm) switch");
        foreach (var source in all)
        {
            foreach ((KernelTarget target, KernelAlgorithm algorithm, _) in source)
            {
                writer.Add(
                    $"(global::Kernels.KernelTarget.{target}, global::Kernels.KernelAlgorithm.{algorithm}) "
                    + $"=> {source.First().target}{algorithm},");
            }
        }

        writer.Add(
            "_ => throw new global::System.ArgumentOutOfRangeException(nameof(target), (target, algorithm), "
            + "\"No kernel was emitted for this target.\"),");
        writer.Close(";");
        foreach (var source in all)
        {
            (KernelTarget target, KernelAlgorithm algorithm, string text) = source.First();
            string targets = string.Join(" and ", source.Select(kernel => kernel.target.ToString().ToLowerInvariant()));
            writer.Line();
            writer.Add($"/// <summary>{algorithm}, for the {targets} target{(source.Skip(1).Any() ? "s" : "")}.</summary>");
            writer.Add($"public static global::System.ReadOnlySpan<byte> {target}{algorithm} => \"\"\"");
            writer.AddVerbatim(text);
            writer.AddVerbatim("\"\"\"u8;\n");
        }

        writer.Close();
    });
}
