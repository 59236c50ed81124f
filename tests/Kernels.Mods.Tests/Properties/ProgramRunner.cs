using System.Reflection;
using Kernels.Conformance;
using Kernels.Generators.Tests.Harness;
using Kernels.OpenCL;
using Microsoft.CodeAnalysis;

namespace Kernels.Mods.Tests.Properties;

/// <summary>
/// Takes a case all the way: compiles the user's program with the generator, loads it, launches its kernels through its
/// bindings and compares with the reference, which calls the program's own mods.
/// </summary>
internal sealed class ProgramRunner(ComputeDevice device)
{
    /// <summary>Changes what the reference is given, so that it can be tested that a difference is found.</summary>
    public Func<ReferenceOptions, ReferenceOptions> Distort { get; init; } = mods => mods;

    /// <summary>What is wrong, or null.</summary>
    public string? Run(ProgramCase test)
    {
        GeneratorRun run = new UserProgram(test.Source, Probe(test)).Run();
        string[] said = [.. run.CompilerDiagnostics
            .Concat(run.AnalyzeAsync().GetAwaiter().GetResult().Where(finding => finding.Severity == DiagnosticSeverity.Error))
            .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error || IsGenerated(diagnostic))
            .Select(diagnostic => diagnostic.ToString())];
        if (run.Result.Exception is not null || said.Length > 0)
        {
            return $"the program does not compile: {run.Result.Exception}{string.Join("; ", said)}";
        }

        using var image = new MemoryStream();
        run.Output.Emit(image);
        image.Position = 0;
        using var program = new LoadedProgram(image);
        Type spec = program.Type("Spec");
        var descriptor = (AttentionDescriptor)spec.GetProperty("Descriptor")!.GetValue(null)!;
        Type element = descriptor.Shape.Storage.ToString() switch
        {
            "Float32" => typeof(float),
            "Float16" => typeof(Half),
            _ => typeof(BFloat16),
        };
        MethodInfo method = typeof(ProgramRunner)
            .GetMethod(
                descriptor.Shape.PageSize == 0 ? nameof(RunContiguous) : nameof(RunPaged), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(spec, element);
        try
        {
            using var inputs = new ModArguments(device, test);
            object attention = program.Call<object>("Probe", "Create", device, test.IsPortable);
            var mods = new ReferenceOptions
            {
                ScoreMod = program.Call<Func<float, int, int, int, int, float>?>("Probe", "Score", inputs.OnHost),
                MaskMod = program.Call<Func<int, int, int, int, bool>?>("Probe", "Mask", inputs.OnHost),
            };
            object? own = null;
            Func<AttentionInputs, AttentionInputs> give = given =>
            {
                own = program.Call<object?>("Probe", "Inputs", [given, .. inputs.OnDevice]);
                return program.Call<AttentionInputs>("Probe", "Convert", own);
            };
            Func<object, object>? mask = test.HasBlockMask && test.Mods.Any(mod => mod.Name == "Mask")
                ? plan => program.Call<object>("Probe", "CreateBlockMask", attention, plan, own)
                : null;
            var launch = new AttentionCase(descriptor.Shape, test.Lengths, test.Seed, PrefixLength: test.Prefix);
            return ((CaseResult)method.Invoke(null, [attention, launch, Distort(mods), give, mask])!).Failure;
        }
        catch (Exception e) when (e is TargetInvocationException or ComputeException)
        {
            return (e.InnerException ?? e).ToString();
        }
    }

    // Random code may well deserve a warning; what is generated must not.
    private static bool IsGenerated(Diagnostic diagnostic) =>
        diagnostic.Severity == DiagnosticSeverity.Warning && diagnostic.Location.SourceTree?.FilePath.EndsWith(
            ".g.cs", StringComparison.Ordinal) == true;

    private static CaseResult RunContiguous<TSelf, T>(
        TSelf attention, AttentionCase test, ReferenceOptions mods, Func<AttentionInputs, AttentionInputs> give, Func<object, object>? mask)
        where TSelf : IContiguousAttention<TSelf, T>
        where T : unmanaged
    {
        using (attention)
        {
            return CaseRunner.Run(
                test, GeneratedKernels.Contiguous<TSelf, T>(attention, give, mask is null ? null : plan => (BlockMask<TSelf>)mask(plan)),
                mods, measuresQuantisation: false);
        }
    }

    private static CaseResult RunPaged<TSelf, T>(
        TSelf attention, AttentionCase test, ReferenceOptions mods, Func<AttentionInputs, AttentionInputs> give, Func<object, object>? mask)
        where TSelf : IPagedAttention<TSelf, T>
        where T : unmanaged
    {
        using (attention)
        {
            return CaseRunner.Run(
                test, GeneratedKernels.Paged<TSelf, T>(attention, give, mask is null ? null : plan => (BlockMask<TSelf>)mask(plan)), mods,
                measuresQuantisation: false);
        }
    }

    /// <summary>What the test asks of the program, in code that calls the generated members as a user would.</summary>
    private static string Probe(ProgramCase test)
    {
        string[] inputs = [.. test.Inputs];
        string arguments = "int a, int n, float f, int[] ids, float[] table";
        bool hasMask = test.Mods.Any(mod => mod.Name == "Mask");
        string[] options =
            [.. test.Options.Select(option => option.Name)
                .Where(name => name is "Sinks" or "Documents" or "KeyPadding" or "Bias" or "Rope")];
        bool hasRequired = inputs.Length + options.Length > 0;
        string mask = hasMask
            ? $"((Spec)attention).CreateBlockMask((AttentionPlan<Spec>)plan{(hasRequired ? ", (Spec.Inputs)inputs!" : "")})"
            : "throw new InvalidOperationException()";
        string set = hasRequired
            ? $"new Spec.Inputs {{ "
                + $"{string.Join(", ", options.Select(name => $"{name} = given.{name}!").Concat(inputs.Select(input => $"{char.ToUpperInvariant(input[0])}{input[1..]} = {input}")))} }}"
            : hasMask ? "new Spec.Inputs()" : "null";
        return $$"""
            using System;
            using Kernels;
            using Kernels.OpenCL;

            internal static class Probe
            {
                public static object Create(ComputeDevice device, bool portable) => new Spec(device, portable ? KernelTarget.Portable : KernelTarget.Cpu);

                public static object? Inputs(AttentionInputs given, int a, int n, float f, DeviceBuffer<int> ids, DeviceBuffer<float> table) => {{set}};

                public static AttentionInputs Convert(object? inputs) => {{(hasRequired || hasMask ? "(Spec.Inputs)inputs!" : "default")}};

                public static object CreateBlockMask(object attention, object plan, object? inputs) => {{mask}};

                public static Func<float, int, int, int, int, float>? Score({{arguments}}) => {{Call("Score", "(score, batch, head, query, key)")}};

                public static Func<int, int, int, int, bool>? Mask({{arguments}}) => {{Call("Mask", "(batch, head, query, key)")}};
            }
            """;

        string Call(string name, string parameters) => test.Mods.SingleOrDefault(mod => mod.Name == name) is { } mod
            ? $"{parameters} => Spec.{name}({string.Join(", ", parameters.Trim('(', ')').Split(", ").Concat(mod.Inputs))})"
            : "null";
    }

    /// <summary>Random values for every input that a mod can have, on the host and on the device.</summary>
    private sealed class ModArguments : IDisposable
    {
        private readonly DeviceBuffer<int> ids;
        private readonly DeviceBuffer<float> table;

        public ModArguments(ComputeDevice device, ProgramCase test)
        {
            var random = new Random(test.Seed);
            int a = random.Next(-20, 60), n = random.Next(0, 6);
            float f = random.NextSingle();

            // One id for each position that a query or key can have; a query of an empty sequence stands at 0.
            int[] hostIds =
                [.. Enumerable.Range(0, 1 + test.Lengths.Max(pair => Math.Max(pair.Queries, pair.Keys)))
                    .Select(position => (position / 11 + random.Next(2)) % 6)];
            float[] hostTable = [.. Enumerable.Range(0, ModGrammar.TableLength).Select(_ => (2 * random.NextSingle()) - 1)];
            ids = device.Upload<int>(hostIds);
            table = device.Upload<float>(hostTable);
            OnHost = [a, n, f, hostIds, hostTable];
            OnDevice = [a, n, f, ids, table];
        }

        public object[] OnHost { get; }

        public object[] OnDevice { get; }

        public void Dispose()
        {
            ids.Dispose();
            table.Dispose();
        }
    }
}
