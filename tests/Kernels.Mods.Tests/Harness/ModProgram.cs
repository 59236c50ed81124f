using System.Globalization;
using System.Text;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets;
using Kernels.Generators;
using Kernels.Generators.Mods;
using Kernels.Generators.Tests.Harness;
using Kernels.Generators.Writing;
using Kernels.OpenCL;

namespace Kernels.Mods.Tests.Harness;

/// <summary>
/// A mod compiled as C#, and its translation built for the device. Results are floats, or 0 and 1 for bools. A call that throws in C# has
/// no result; what the device gives there is not looked at.
/// </summary>
internal sealed class ModProgram : IDisposable
{
    private readonly ModFunction mod;
    private readonly ModKind kind;
    private readonly LoadedProgram program;

    /// <param name="members">Members of the spec, with one mod.</param>
    public ModProgram(string members)
    {
        ModReading reading = ModSource.ReadValid(members);
        (mod, kind) = reading.Score is { } score ? (score, ModKind.Score) : (reading.Mask!, ModKind.Mask);
        program = Compile(members);
    }

    /// <summary>The translated text.</summary>
    public string Source => mod.Source;

    public void Dispose() => program.Dispose();

    /// <summary>C#'s results.</summary>
    /// <param name="points">What to call the mod with.</param>
    /// <param name="inputs">Its inputs in order: int, float, int[] and float[].</param>
    public (float[] Results, bool[] Throws) InCSharp(Points points, params object[] inputs)
    {
        Assert.Equal(inputs.Length, mod.Inputs.Count);
        var results = new float[points.Count];
        var throws = new bool[points.Count];
        program.Type("Spec").GetMethod("Run")!.Invoke(
            null, [points.Score, points.Batch, points.Head, points.Query, points.Key, results, throws, .. inputs]);
        return (results, throws);
    }

    /// <summary>What the device calculates with a number of lanes.</summary>
    public float[] OnDevice(ComputeDevice device, int lanes, Points points, params object[] inputs)
    {
        using DeviceBuffer<float> score = device.Upload<float>(points.Score);
        using DeviceBuffer<int> batch = device.Upload<int>(points.Batch), head = device.Upload<int>(points.Head);
        using DeviceBuffer<int> query = device.Upload<int>(points.Query), key = device.Upload<int>(points.Key);
        using DeviceBuffer<float> result = device.Allocate<float>(points.Count);
        using ComputeProgram built = device.Programs.GetOrBuild(Encoding.UTF8.GetBytes(Kernel(lanes)));
        using ComputeKernel kernel = built.CreateKernel("run");
        kernel.Set(0, score).Set(1, batch).Set(2, head).Set(3, query).Set(4, key).Set(5, result);
        var buffers = new List<DeviceBuffer>();
        for (int i = 0; i < inputs.Length; i++)
        {
            switch (inputs[i])
            {
                case int value:
                    kernel.Set(6 + i, value);
                    break;
                case float value:
                    kernel.Set(6 + i, value);
                    break;
                case int[] elements:
                    buffers.Add(device.Upload<int>(elements));
                    kernel.Set(6 + i, buffers[^1]);
                    break;
                case float[] elements:
                    buffers.Add(device.Upload<float>(elements));
                    kernel.Set(6 + i, buffers[^1]);
                    break;
            }
        }

        device.Queue.Submit(kernel, points.Count / lanes, 1);
        var results = new float[points.Count];
        device.Queue.Read(result, results);
        buffers.ForEach(buffer => buffer.Dispose());
        return results;
    }

    /// <summary>Fails unless both vocabularies give C#'s results.</summary>
    /// <param name="device">The device.</param>
    /// <param name="ulps">How many representable numbers a result may be away; 0 asks for the same bits, those of NaN aside.</param>
    /// <param name="points">What to call the mod with.</param>
    /// <param name="inputs">Its inputs.</param>
    public void AssertSame(ComputeDevice device, int ulps, Points points, params object[] inputs)
    {
        (float[] expected, bool[] throws) = InCSharp(points, inputs);
        Assert.Contains(false, throws);
        foreach (int lanes in new[] { 1, 16 })
        {
            float[] actual = OnDevice(device, lanes, points, inputs);
            for (int i = 0; i < actual.Length; i++)
            {
                if (!throws[i] && !IsClose(expected[i], actual[i], ulps))
                {
                    Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                        $"With {lanes} lanes and inputs ({string.Join(", ", inputs)}), ({points.Score[i]:R}, {points.Batch[i]}, "
                            + $"{points.Head[i]}, {points.Query[i]}, {points.Key[i]}) gives {actual[i]:R} "
                            + $"({BitConverter.SingleToInt32Bits(actual[i]):X8}); C# gives {expected[i]:R} "
                            + $"({BitConverter.SingleToInt32Bits(expected[i]):X8}).\n{mod.Source}"));
                }
            }
        }
    }

    public static bool IsClose(float expected, float actual, int ulps)
    {
        if (float.IsNaN(expected) || float.IsNaN(actual))
        {
            return float.IsNaN(expected) && float.IsNaN(actual);
        }

        if (ulps == 0)
        {
            return BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual);
        }

        // A device may flush what lies below the normal numbers.
        const float Least = 1.17549435e-38f;
        return (Math.Abs(expected) <= Least && Math.Abs(actual) <= Least) || Math.Abs(Ordinal(expected) - Ordinal(actual)) <= ulps;
    }

    private static long Ordinal(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        return bits >= 0 ? bits : int.MinValue - (long)bits;
    }

    private string Kernel(int lanes)
    {
        var spec = new AttentionSpec("Test", 8, 2, 64) { ScoreMod = mod };
        var context = new KernelContext(spec, Target.All[0].Plan(spec)); // the vocabulary is the same on all targets
        var writer = new CodeWriter();
        string width = lanes == 1 ? "" : lanes.ToString(CultureInfo.InvariantCulture);
        writer.Add(new KernelText().Render("Common/lane_vocabulary", new(context.Holes) { { "width", width } }));
        writer.Line();
        writer.Add(mod.Source);
        string parameters = string.Concat(mod.Inputs.Select(input => $", {ScoreRules.TypeOf(input.Type)} in_{input.Name}"));
        writer.Open(
            "kernel void run(global const float* score, global const int* batch, global const int* head, global const int* query, global "
            + "const int* key, global float* result"
            + parameters + ")");
        writer.Add("const size_t i = get_global_id(0);");
        string arguments = string.Join(
            ", ", kind.Parameters.Select(parameter => Load(parameter.Name)).Concat(mod.Inputs.Select(input => "in_" + input.Name)));
        writer.Add(kind == ModKind.Score
            ? $"const lanes_float r = score_mod({arguments});"
            : $"const lanes_float r = lanes_select((lanes_float)(0.0f), (lanes_float)(1.0f), mask_mod({arguments}));");
        writer.Add(lanes == 1 ? "result[i] = r;" : $"vstore{lanes}(r, i, result);");
        writer.Close();
        return writer.ToString();

        string Load(string name) => lanes == 1 ? $"{name}[i]" : $"vload{lanes}(i, {name})";
    }

    private LoadedProgram Compile(string members)
    {
        string name = new UserProgram(ModSource.Program(members)).Compile().GetTypeByMetadataName("Spec")!.GetMembers()
            .First(kind.IsOn).Name;
        string types = string.Concat(mod.Inputs.Select(input => $", {CSharpType(input.Type)} in_{input.Name}"));
        string arguments = string.Join(
            ", ", kind.Parameters.Select(parameter => parameter.Name + "[i]").Concat(mod.Inputs.Select(input => "in_" + input.Name)));
        string call = kind == ModKind.Score ? $"{name}({arguments})" : $"{name}({arguments}) ? 1f : 0f";
        string runner = $$"""

                public static void Run(float[] score, int[] batch, int[] head, int[] query, int[] key, float[] result, bool[] throws{{types}})
                {
                    for (int i = 0; i < result.Length; i++)
                    {
                        try
                        {
                            result[i] = {{call}};
                        }
                        catch (Exception e) when (e is ArithmeticException or ArgumentException or IndexOutOfRangeException)
                        {
                            throws[i] = true;
                        }
                    }
                }
            """;
        using var image = new MemoryStream();
        Microsoft.CodeAnalysis.Emit.EmitResult emitted = new UserProgram(ModSource.Program(members + runner)).Compile().Emit(image);
        Assert.True(emitted.Success, string.Join("\n", emitted.Diagnostics));
        image.Position = 0;
        return new LoadedProgram(image);
    }

    private static string CSharpType(ModInputType type) => type switch
    {
        ModInputType.Int => "int",
        ModInputType.Float => "float",
        ModInputType.IntBuffer => "int[]",
        _ => "float[]",
    };
}
