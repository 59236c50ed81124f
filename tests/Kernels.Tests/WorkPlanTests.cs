using System.Runtime.InteropServices;
using CsCheck;
using Kernels.Planning;

namespace Kernels.Tests;

public sealed class WorkPlanTests
{
    private const int QueryTile = 32;
    private static readonly KernelGeometry Geometry = new(
        KernelTarget.Portable, new TileGeometry(QueryTile, 32, 64, 0), new TileGeometry(16, 64, 64, 0), 64, 64);
    private static readonly KernelGeometry Merging = Geometry with { Decode = Geometry.Decode with { MergesSplits = true } };

    private static readonly Gen<AttentionRequest> Requests = Gen.OneOf(
        Gen.Select(
            Gen.Int[0, 90], Gen.Int[0, 400], Gen.Int[0, 50], (queries, keys, prefix) => new AttentionRequest(
                SequenceHandle.Create(0), queries, keys, prefix)),
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 12000], (queries, keys) => new AttentionRequest(SequenceHandle.Create(0), queries, keys)));

    private static readonly Gen<AttentionShape> Shapes = Gen.Select(
        Gen.Int[1, 3], Gen.Int[1, 20], Gen.Enum<AttentionMask>(), Gen.Int[-1, 300], Gen.Int[-1, 40],
        Gen.OneOf(Gen.Const(0), Gen.Const(1), Gen.Const(16)),
        (kvHeads, group, mask, left, right, page) =>
            new AttentionShape(kvHeads * group, kvHeads, 64, 64, 0.125, mask, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
            {
                WindowLeft = left < 0 ? null : left, WindowRight = right < 0 ? null : right, PageSize = page,
            });

    [Fact]
    public void EveryVisibleKeyOfEveryRowIsReadExactlyOnce() =>
        Gen.Select(Shapes, Requests.Array[0, 5], Gen.Int[1, 200], Gen.OneOf(Gen.Const(Geometry), Gen.Const(Merging)))
            .Sample((shape, requests, units, geometry) => Check(shape, Numbered(requests), units, geometry), iter: 600);

    [Fact]
    public void BuildingAgainGivesTheSamePlan() =>
        Gen.Select(Shapes, Requests.Array[0, 5], Requests.Array[0, 5]).Sample((shape, first, second) =>
        {
            var used = new WorkPlan();
            used.Build(shape, Geometry, 8, new Slots(shape.PageSize), Numbered(first));
            used.Build(shape, Geometry, 8, new Slots(shape.PageSize), Numbered(second));
            var fresh = new WorkPlan();
            fresh.Build(shape, Geometry, 8, new Slots(shape.PageSize), Numbered(second));
            Assert.Equal(fresh.Data.ToArray(), used.Data.ToArray());
        }, iter: 100);

    [Theory]
    [InlineData(AttentionMask.None, null, null, 0, 0, 100)]
    [InlineData(AttentionMask.Causal, null, null, 0, 0, 60)]
    [InlineData(AttentionMask.Causal, 7, null, 0, 43, 60)]
    [InlineData(AttentionMask.None, 7, 3, 0, 43, 63)]
    [InlineData(AttentionMask.None, null, 3, 0, 0, 63)]
    [InlineData(AttentionMask.PrefixCausal, null, null, 80, 0, 80)]
    [InlineData(AttentionMask.PrefixCausal, null, null, 20, 0, 60)]
    public void RangeIsNoWiderThanTheMask(AttentionMask mask, int? left, int? right, int prefix, int begin, int end)
    {
        // Tiles of 30 rows are 10 queries of 3 heads each; the first tile's stand at positions 50 to 59.
        AttentionShape shape = new(3, 1, 64, 64, 0.125, mask, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
        {
            WindowLeft = left,
            WindowRight = right,
        };
        var plan = new WorkPlan();
        KernelGeometry geometry = Geometry with { Prefill = Geometry.Prefill with { Rows = 30 } };
        plan.Build(shape, geometry, 1, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 50, 100, prefix)]);
        WorkTile first = plan.PrefillTiles.Single(item => item.FirstRow == 0);
        Assert.Equal((begin, end), (first.KvBegin, first.KvEnd));
    }

    [Theory]
    [InlineData(-1, 5)]
    [InlineData(5, -1)]
    public void NegativeLengthsAreRefused(int queries, int keys)
    {
        AttentionShape shape = new(1, 1, 64, 64, 0.125, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        Assert.Throws<ArgumentException>(
            () => new WorkPlan().Build(shape, Geometry, 1, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), queries, keys)]));
    }

    [Fact]
    public void AKeyLengthIsNeededWhereThereIsNoCacheToTellIt()
    {
        AttentionShape shape = new(1, 1, 64, 64, 0.125, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        Assert.Throws<ArgumentException>(
            "requests", () => new WorkPlan().Build(shape, Geometry, 1, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 1)]));
    }

    [Fact]
    public void KeysAreCountedOverRequests()
    {
        AttentionShape shape = new(2, 1, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
        {
            Documents = true,
        };
        var plan = new WorkPlan();
        plan.Build(
            shape, Geometry, 1, new Slots(0),
            [new AttentionRequest(SequenceHandle.Create(0), 40, 100), new AttentionRequest(SequenceHandle.Create(1), 0, 7),
                new AttentionRequest(SequenceHandle.Create(2), 1, 5)]);
        Assert.Equal((3, 112, 40, 100), (plan.Requests, plan.Keys, plan.LongestQueries, plan.LongestKeys));
        Assert.All(plan.PrefillTiles, item => Assert.Equal(0, item.KeyBegin));
        Assert.Equal(107, Assert.Single(plan.DecodeTiles).KeyBegin);
    }

    [Fact]
    public void RopeHasThePositionOfEachToken()
    {
        AttentionShape shape = new(2, 1, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
        {
            Rope = RopeStyle.HalfSplit, RotaryDim = 64,
        };
        AttentionRequest[] requests =
            [new(SequenceHandle.Create(0), 3, 10), new(SequenceHandle.Create(1), 2, 1), new(SequenceHandle.Create(2), 0, 4)];
        var plan = new WorkPlan();
        plan.Build(shape, Geometry, 1, new Slots(0), requests);
        Assert.Equal([7, 8, 9, -1, 0], plan.Data[plan.PositionsAt..].ToArray());
        plan.Build(shape with { Rope = RopeStyle.None }, Geometry, 1, new Slots(0), requests);
        Assert.Equal(plan.Length, plan.PositionsAt);
    }

    [Fact]
    public void LongDecodeIsSplitOverAnEmptyDevice()
    {
        AttentionShape shape = new(8, 1, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        var plan = new WorkPlan();
        plan.Build(shape, Geometry, 64, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 1, 65536)]);
        Assert.True(plan.DecodeTiles.Count > 32, $"{plan.DecodeTiles.Count} items");
        Assert.Equal(8, plan.Merges.Count);

        plan.Build(shape, Merging, 64, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 1, 65536)]);
        Assert.Equal(plan.DecodeTiles.Count, plan.DecodeTiles[0].Splits);
        Assert.Empty(plan.Merges);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void ManyCoresHaveWorkHoweverManyHeadsAnItemHas(int together)
    {
        const int Cores = 64;
        AttentionShape shape = new(32, 8, 128, 128, 0.088, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Nhd);
        KernelGeometry geometry = Geometry with
        {
            Target = KernelTarget.Cpu,
            Decode = new TileGeometry(4, 16, WorkGroupSize: 1, LocalBytes: 0, KvHeads: together),
        };
        var plan = new WorkPlan();
        plan.Build(shape, geometry, Cores, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 1, 8192)]);
        Assert.InRange(plan.DecodeTiles.Count * shape.KvHeads / together, Cores, 8 * Cores);

        // Of a full machine no item is split.
        plan.Build(
            shape, geometry, Cores / 32, new Slots(0),
            [.. Enumerable.Range(0, 64).Select(i => new AttentionRequest(SequenceHandle.Create(i), 1, 8192))]);
        Assert.Empty(plan.Merges);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void WorkOfAWindowGrowsWithItsLengthAndTheQueriesAlone(int group)
    {
        const int Window = 128, Length = 16384;
        AttentionShape causal = new(group, 1, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        AttentionShape shape = causal with { WindowLeft = Window - 1 };

        // Each tile reads what its first query sees, and a key more for each query after that.
        long most = Window - 1 + (QueryTile / group);
        long whole = Work(shape, Length), half = Work(shape, Length / 2);
        Assert.InRange(whole, (long)(Length - Window) * group * Window, Length * group * most);
        Assert.InRange((double)whole / half, 1.98, 2.02);
        Assert.True(whole < Work(causal, Length) / 50);
        Assert.InRange(Work(shape with { WindowLeft = (2 * Window) - 1 }, Length) / (double)whole, 1.5, 2);

        var decode = new WorkPlan();
        decode.Build(shape, Geometry, 64, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), 1, Length)]);
        Assert.Equal(Window, Assert.Single(decode.DecodeTiles).KeyCount);

        static long Work(AttentionShape shape, int length)
        {
            var plan = new WorkPlan();
            plan.Build(shape, Geometry, 64, new Slots(0), [new AttentionRequest(SequenceHandle.Create(0), length, length)]);
            Assert.Empty(plan.DecodeTiles);
            return plan.PrefillTiles.Sum(item => (long)item.RowCount * item.KeyCount);
        }
    }

    private static AttentionRequest[] Numbered(AttentionRequest[] requests) =>
        [.. requests.Select((request, i) => request with { Sequence = SequenceHandle.Create(i) })];

    private static void Check(AttentionShape shape, AttentionRequest[] requests, int units, KernelGeometry geometry)
    {
        var plan = new WorkPlan();
        var slots = new Slots(shape.PageSize);
        plan.Build(shape, geometry, units, slots, requests);
        CheckData(plan);
        CheckOrder(plan.PrefillTiles, Geometry.Prefill.Rows);
        CheckOrder(plan.DecodeTiles, Geometry.Decode.Rows);

        ILookup<int, WorkTile> byBatch = plan.PrefillTiles.Concat(plan.DecodeTiles).ToLookup(item => item.Batch);
        Dictionary<int, MergeRow> merges = plan.Merges.ToDictionary(merge => merge.OutputRow);
        var partialRows = new HashSet<int>();
        int token = 0, merged = 0;
        for (int batch = 0; batch < requests.Length; batch++)
        {
            AttentionRequest request = requests[batch];
            int position = request.KeyLength!.Value - request.QueryLength;
            for (int i = 0; i < request.QueryLength; i++)
            {
                Assert.Equal(position + i < 0 ? -1 : slots.GetSlot(request.Sequence, position + i), plan.Data[plan.SlotsAt + token + i]);
            }

            var covered = byBatch[batch].SelectMany(item => Enumerable.Range(item.FirstRow, item.RowCount).Select(row => (row, item)))
                .ToLookup(x => x.row, x => x.item);
            Assert.Equal(request.QueryLength * shape.GroupSize, covered.Count);
            for (int row = 0; row < request.QueryLength * shape.GroupSize; row++)
            {
                WorkTile[] items = [.. covered[row].OrderBy(item => item.KvBegin)];
                Assert.All(
                    items, item => Assert.Equal((token, position, request.PrefixLength), (item.QueryBegin, item.Position, item.Prefix)));
                CheckKeys(shape, request, position + (row / shape.GroupSize), items);
                int outputRow = ((token + (row / shape.GroupSize)) * shape.QueryHeads) + (row % shape.GroupSize);
                if (items.Length == 1)
                {
                    Assert.Equal(-1, items[0].PartialRow);
                    Assert.DoesNotContain(outputRow, merges.Keys);
                    continue;
                }

                // Either the last of the items merges them all, or a kernel after them merges row by row.
                WorkTile first = items[0];
                Assert.All(items, item => Assert.Equal((first.FirstPartialRow, first.Splits), (item.FirstPartialRow, item.Splits)));
                MergeRow merge = first.Splits > 0
                    ? new MergeRow(outputRow, first.FirstPartialRow + row - first.FirstRow, first.Splits, first.RowCount)
                    : merges[outputRow];
                Assert.Equal(geometry.Decode.MergesSplits && plan.DecodeTiles.Contains(first), first.Splits > 0);
                merged += first.Splits > 0 ? 0 : 1;
                int[] written = [.. items.Select(item => item.PartialRow + row - item.FirstRow)];
                Assert.Equal(
                    Enumerable.Range(0, merge.Splits).Select(split => merge.FirstPartialRow + (split * merge.Stride)), written.Order());
                Assert.InRange(merge.Splits, 2, WorkPlan.MaxSplits);
                Assert.All(written, partial => Assert.True(partial >= 0 && partial < plan.PartialRows && partialRows.Add(partial)));
            }

            if (shape.PageSize > 0)
            {
                int needed = (request.KeyLength!.Value + shape.PageSize - 1) / shape.PageSize;
                foreach (WorkTile item in byBatch[batch])
                {
                    Assert.Equal(slots.GetPages(request.Sequence)[..needed].ToArray(), plan.Data.Slice(item.Sequence, needed).ToArray());
                }
            }
            else
            {
                Assert.All(byBatch[batch], item => Assert.Equal(batch, item.Sequence));
            }

            token += request.QueryLength;
        }

        Assert.Equal(token, plan.Tokens);
        Assert.Equal(plan.Merges.Count, merged);
        Assert.Equal(plan.PartialRows, partialRows.Count);
    }

    /// <summary>Items do not overlap, stay within the keys, and leave no visible key out.</summary>
    private static void CheckKeys(AttentionShape shape, AttentionRequest request, int position, WorkTile[] items)
    {
        var options = new ReferenceOptions { PrefixLength = request.PrefixLength };
        bool[] read = new bool[request.KeyLength!.Value];
        foreach (WorkTile item in items)
        {
            Assert.InRange(item.KvBegin, 0, item.KvEnd);
            for (int key = item.KvBegin; key < item.KvEnd; key++)
            {
                Assert.False(read[key]);
                read[key] = true;
            }
        }

        for (int key = 0; key < read.Length; key++)
        {
            Assert.True(read[key] || !ReferenceAttention.IsVisible(shape, position, key, 0, options));
        }
    }

    private static void CheckOrder(IReadOnlyList<WorkTile> items, int tileRows)
    {
        for (int i = 0; i < items.Count; i++)
        {
            Assert.InRange(items[i].RowCount, 1, tileRows);
            Assert.True(i == 0 || items[i].KeyCount <= items[i - 1].KeyCount);
        }
    }

    /// <summary>The ints that the kernels read are the items and merges that the host sees.</summary>
    private static void CheckData(WorkPlan plan)
    {
        Assert.Equal(plan.PrefillTiles, MemoryMarshal.Cast<int, WorkTile>(plan.Data[plan.PrefillAt..plan.DecodeAt]).ToArray());
        Assert.Equal(plan.DecodeTiles, MemoryMarshal.Cast<int, WorkTile>(plan.Data[plan.DecodeAt..plan.MergesAt]).ToArray());
        Assert.Equal(plan.Merges, MemoryMarshal.Cast<int, MergeRow>(plan.Data[plan.MergesAt..plan.PagesAt]).ToArray());
    }

    /// <summary>Tokens in places that tell sequence and position.</summary>
    private readonly struct Slots(int pageSize) : ISlotMap
    {
        public int GetSlot(SequenceHandle sequence, int position) => (sequence.Index * 100_000) + position;

        public ReadOnlySpan<int> GetPages(SequenceHandle sequence) =>
            pageSize == 0 ? [] : Enumerable.Range(0, 12_001).Select(page => (page * 7) + (sequence.Index * 100_003)).ToArray();
    }
}
