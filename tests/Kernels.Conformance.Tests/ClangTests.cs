using System.Text;

namespace Kernels.Conformance.Tests;

/// <summary>The emitted sources through clang for devices that this machine lacks: no error and no warning.</summary>
public sealed class ClangTests
{
    private static readonly AttentionShape[] Shapes =
    [
        CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd),
        CaseMatrix.Shape(4, 4, 128, 128, AttentionMask.None, ElementType.Float16, ElementType.Float16, KvLayout.Nhd),
        CaseMatrix.Shape(7, 1, 59, 59, AttentionMask.Causal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Hnd),
        CaseMatrix.Shape(16, 2, 192, 128, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Nhd),
        CaseMatrix.Shape(1, 1, 8, 256, AttentionMask.None, ElementType.Float16, ElementType.Float16, KvLayout.Hnd),
        CaseMatrix.Shape(3, 3, 9, 11, AttentionMask.PrefixCausal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Nhd),
        CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Float16, KvLayout.Hnd) with { PageSize = 16 },
        CaseMatrix.Shape(8, 2, 80, 80, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Nhd) with
        {
            PageSize = 5,
            WindowLeft = 63,
        },
        CaseMatrix.Shape(12, 4, 64, 64, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd) with
        {
            WindowLeft = 5,
            WindowRight = 7,
            Softcap = 30,
        },
        CaseMatrix.Shape(4, 2, 64, 64, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) with
        {
            Alibi = true,
            Sinks = true,
        },
        CaseMatrix.Shape(4, 2, 64, 64, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) with
        {
            Documents = true,
        },
        CaseMatrix.Shape(4, 2, 64, 64, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Nhd) with
        {
            KeyPadding = true,
        },
        CaseMatrix.Shape(4, 2, 64, 64, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd) with { Bias = true },
        CaseMatrix.Shape(5, 1, 59, 59, AttentionMask.PrefixCausal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) with
        {
            Documents = true,
            KeyPadding = true,
            Bias = true,
            Sinks = true,
            PageSize = 16,
        },
        CaseMatrix.Shape(4, 2, 64, 64, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd) with
        {
            Rope = RopeStyle.HalfSplit,
            RotaryDim = 64,
        },
        CaseMatrix.Shape(4, 2, 80, 59, AttentionMask.Causal, ElementType.BFloat16, ElementType.Int8, KvLayout.Nhd) with
        {
            Rope = RopeStyle.Interleaved,
            RotaryDim = 32,
        },
        CaseMatrix.Shape(8, 2, 256, 256, AttentionMask.Causal, ElementType.Float16, ElementType.Int8, KvLayout.Hnd),
        CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Int4, KvLayout.Nhd) with { PageSize = 16 },
        CaseMatrix.Shape(8, 2, 111, 40, AttentionMask.Causal, ElementType.BFloat16, ElementType.Float8E4M3, KvLayout.Hnd),
        CaseMatrix.Shape(128, 1, 576, 512, AttentionMask.Causal, ElementType.BFloat16, ElementType.BFloat16, KvLayout.Hnd) with
        {
            LatentCache = true,
            Rope = RopeStyle.Interleaved,
            RotaryDim = 64,
        },
        CaseMatrix.Shape(128, 1, 576, 512, AttentionMask.Causal, ElementType.Float16, ElementType.Float8E4M3, KvLayout.Hnd) with
        {
            LatentCache = true,
            Rope = RopeStyle.Interleaved,
            RotaryDim = 64,
            PageSize = 64,
        },
        CaseMatrix.Shape(4, 1, 142, 128, AttentionMask.Causal, ElementType.Float32, ElementType.Float8E4M3, KvLayout.Hnd) with
        {
            LatentCache = true,
        },
        CaseMatrix.Shape(4, 2, 128, 128, AttentionMask.None, ElementType.BFloat16, ElementType.Float8E4M3, KvLayout.Nhd) with
        {
            LatentCache = true,
            Scale = 0.1,
        },
    ];

    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int i = 0; i < Shapes.Length; i++)
            {
                data.Add(i, Shapes[i].ToString());
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void EverySourceCompiles(int index, string description)
    {
        Assert.NotEmpty(description);
        AttentionDescriptor descriptor = RuntimeSpec.Describe(Shapes[index]);
        foreach (KernelTarget target in new[] { KernelTarget.Portable, KernelTarget.Cpu })
        {
            foreach (KernelAlgorithm algorithm in Enum.GetValues<KernelAlgorithm>()
                .Where(algorithm => algorithm != KernelAlgorithm.ClassifyTiles))
            {
                string source = Encoding.UTF8.GetString(descriptor.Source(target, algorithm));
                foreach (string[] machine in (string[][])[["-target", "amdgcn-amd-amdhsa", "-mcpu=gfx1030", "-nogpulib"],
                    ["-target", "spir64"]])
                {
                    ToolResult result = Compile(machine, source);
                    Assert.True(result.ExitCode == 0, $"{target} {algorithm} {machine[1]}: {result}");
                }
            }
        }
    }

    [SkippableFact]
    public void WarningFails() =>
        Assert.NotEqual(0, Compile(["-target", "spir64"], "kernel void k(global int* p) { int unused; p[0] = 1; }").ExitCode);

    private static ToolResult Compile(string[] machine, string source)
    {
        string? clang = Tool.Find("clang-14", "clang");
        Skip.If(clang is null, "clang is not installed (Debian: clang).");
        return Tool.Run(
            clang!,
            [.. machine, "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-Wall", "-Werror", "-Wno-pass-failed", "-S",
                "-emit-llvm", "-o", "/dev/null", "-"],
            input: source);
    }
}
