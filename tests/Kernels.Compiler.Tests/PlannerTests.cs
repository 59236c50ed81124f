using System.Numerics;
using Kernels.Compiler.Targets;
using Kernels.Compiler.Targets.Cpu;
using Kernels.Compiler.Targets.Sm90;
using Kernels.Compiler.Targets.Sm80;
using Kernels.Compiler.Targets.Portable;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Tests;

public sealed class PlannerTests
{
    // The least that a device of the target must allow, as the OpenCL specification and the vendors have it.
    private const int PortableGroupLimit = 256;
    private const int Sm80GroupLimit = 1024;

    [Fact]
    public void EveryTileCanRun() => Assert.All(TestSpecs.Many(), spec =>
    {
        foreach (KernelTarget target in Target.For(spec))
        {
            KernelPlan plan = Target.Of(target).Plan(spec);
            Assert.Equal(target, plan.Target);
            foreach (TilePlan tile in new[] { plan.Prefill, plan.Decode })
            {
                // With wgmma, groups of four warps and blocks of 16 keys are whole, and a CPU's work-item shares with none; the other forms
                // divide by masks and shifts. Warps that copy come on top. Lanes that load pieces share a row evenly, however many it has.
                Assert.All([tile.Rows, tile.Keys, tile.ThreadsX, tile.ThreadsY], size => Assert.True(
                    BitOperations.IsPow2(size) || (tile is Sm90Tile or CpuTile && size % 16 == 0)
                        || (target == KernelTarget.Sm90 && size == tile.ThreadsY)
                    || (tile is PortablePieceTile && size == tile.ThreadsX),
                    $"{spec}: {tile}"));
                Assert.Equal(tile.ThreadsX * tile.ThreadsY, tile.WorkGroupSize);
                Assert.InRange(
                    tile.WorkGroupSize, 1, target is KernelTarget.Sm80 or KernelTarget.Sm90 ? Sm80GroupLimit : PortableGroupLimit);
                Assert.True(tile.GroupsPerUnit >= 1, $"{spec}: {tile}");
            }

            Assert.True(BitOperations.IsPow2(plan.AppendWorkGroupSize) && BitOperations.IsPow2(plan.CombineWorkGroupSize));
        }
    });

    [Fact]
    public void PortableTilesFitTheSmallestDevice() => Assert.All(TestSpecs.Many(), spec =>
    {
        KernelPlan plan = Target.Of(KernelTarget.Portable).Plan(spec);
        Assert.InRange(plan.Prefill.LocalBytes, 1, SpecLimits.PortableLocalBytes);
        Assert.InRange(plan.Decode.LocalBytes, 1, SpecLimits.PortableLocalBytes);
    });

    [Fact]
    public void CpuTilesTakeNoLocalMemory() => Assert.All(TestSpecs.Many(), spec =>
    {
        KernelPlan plan = Target.Of(KernelTarget.Cpu).Plan(spec);
        Assert.Equal(
            (0, 1, 0, 1), (plan.Prefill.LocalBytes, plan.Prefill.WorkGroupSize, plan.Decode.LocalBytes, plan.Decode.WorkGroupSize));
    });

    [Theory]
    [InlineData(8, 8, "paged")]
    [InlineData(8, 8, "NHD")]
    [InlineData(12, 6, "paged")]
    [InlineData(11, 1, "paged")]
    [InlineData(8, 1, "contiguous HND")]
    [InlineData(8, 1, "deterministic")]
    public void CpuDecodeHasHeadsTogetherWhereTheirRowsLieClose(int kvHeads, int together, string cache)
    {
        AttentionSpec spec = TestSpecs.Valid with
        {
            QueryHeads = 4 * kvHeads, KvHeads = kvHeads, HeadDim = 128, Deterministic = cache == "deterministic",
            PageSize = cache is "paged" or "deterministic" ? 16 : 0, Layout = cache == "NHD" ? KvLayout.Nhd : KvLayout.Hnd,
        };
        Assert.Equal(together, Target.Of(KernelTarget.Cpu).Plan(spec).Decode.KvHeads);
    }

    [Fact]
    public void HeadsTogetherShareOutEvenly() => Assert.All(TestSpecs.Many(), spec => Assert.All(Target.For(spec), target =>
    {
        KernelPlan plan = Target.Of(target).Plan(spec);
        Assert.Equal(0, spec.KvHeads % plan.Decode.KvHeads);
        Assert.All([plan.Prefill, .. plan.PrefillVariants], tile => Assert.Equal(1, tile.KvHeads));
    }));

    [Fact]
    public void AskedTilesAreTaken()
    {
        TilePlan tile = Target.Of(KernelTarget.Portable).Plan(TestSpecs.Valid with { QueryTile = 8, KeyTile = 64 }).Prefill;
        Assert.Equal((8, 64), (tile.Rows, tile.Keys));
        Assert.Equal(128, Target.Of(KernelTarget.Portable).Plan(TestSpecs.Valid with { HeadDim = 8, QueryTile = 128 }).Prefill.Rows);
    }

    [Fact]
    public void SlicesAreForHeadsOfWholeSlices()
    {
        Assert.IsType<PortableSliceTile>(Plan(TestSpecs.Valid with { HeadDim = 128 }));
        Assert.IsType<PortableSliceTile>(Plan(TestSpecs.Valid with { HeadDim = 256, CacheStorage = ElementType.Int8 }));
        Assert.IsNotType<PortableSliceTile>(Plan(TestSpecs.Valid with { HeadDim = 72 }));
        Assert.IsNotType<PortableSliceTile>(Plan(TestSpecs.Valid with { HeadDim = 128, QueryTile = 4 }));

        static TilePlan Plan(AttentionSpec spec) => Target.Of(KernelTarget.Portable).Plan(spec).Prefill;
    }

    [Fact]
    public void WiderHeadsHaveNoLargerTiles()
    {
        ILookup<Type, int> sizes = Enumerable.Range(SpecLimits.MinDim, SpecLimits.MaxHeadDim - SpecLimits.MinDim + 1)
            .Select(dim => Target.Of(KernelTarget.Portable).Plan(TestSpecs.Valid with { HeadDim = dim }).Prefill)
            .ToLookup(tile => tile.GetType(), tile => tile.Rows * tile.Keys);
        Assert.Equal(2, sizes.Count); // heads of whole slices have a kind of their own
        Assert.All(sizes, ofKind => Assert.Equal(ofKind.OrderDescending(), ofKind));
    }

    [Fact]
    public void TensorCoresAreForWholeFragmentsIn16Bits()
    {
        AttentionSpec half = TestSpecs.Valid with { Storage = ElementType.Float16 };
        Assert.Contains(KernelTarget.Sm80, Target.For(half));
        Assert.DoesNotContain(KernelTarget.Sm80, Target.For(TestSpecs.Valid));
        Assert.DoesNotContain(KernelTarget.Sm80, Target.For(half with { HeadDim = 72 }));
        Assert.Contains(KernelTarget.Sm80, Target.For(half with { CacheStorage = ElementType.Int8 }));
        Assert.DoesNotContain(KernelTarget.Sm80, Target.For(half with { HeadDim = 80, CacheStorage = ElementType.Int4 }));
    }

    [Fact]
    public void Sm80TilesFitTheSmallestWorkGroup() => Assert.All(TestSpecs.Many().Where(Sm80Planner.Supports), spec =>
    {
        KernelPlan plan = Sm80Planner.Plan(spec);
        Assert.All([plan.Prefill, plan.Decode], tile =>
        {
            Assert.InRange(tile.LocalBytes, 1, Sm80Planner.GroupLocalBytes);
            Assert.True(tile is Sm80Tile { Stages: >= 2 } whole && whole.Keys % (16 * whole.WarpsAlongKeys) == 0, $"{spec}: {tile}");
        });
    });

    [Fact]
    public void Sm90TilesFitItsMultiprocessor() => Assert.All(TestSpecs.Many().Where(Sm90Planner.Supports), spec =>
    {
        if (Sm90Planner.Plan(spec).Prefill is not Sm90Tile tile)
        {
            return; // sm80's tiles, but for an instruction
        }

        Assert.InRange(tile.LocalBytes, 1, (227 * 1024) - 4);
        Assert.InRange((tile.RowRegisters * 128 * tile.Groups) + (tile.CopyRegisters * 128), 1, 65536);
        Assert.Equal((0, 0), (tile.RowRegisters % 8, tile.CopyRegisters % 8));
    });

    [Fact]
    public void Sm90IsForWholePanels()
    {
        AttentionSpec half = TestSpecs.Valid with { Storage = ElementType.Float16, HeadDim = 128 };
        Assert.Contains(KernelTarget.Sm90, Target.For(half));
        Assert.DoesNotContain(KernelTarget.Sm90, Target.For(half with { HeadDim = 80 }));
        Assert.Contains(KernelTarget.Sm80, Target.For(half with { HeadDim = 80 }));
    }
}
