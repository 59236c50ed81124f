using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>The block mask of a step of more requests than 16 bits count.</summary>
internal static class ManyMasksCheck
{
    /// <summary>Requests of the step, of one key each.</summary>
    public const int Requests = 70_000;

    /// <summary>
    /// Counts the tiles: of an odd head's none is seen, of an even head's that of every other request; and attends with the mask.
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Run(ComputeDevice device, KernelTarget? target)
    {
        const int Elements = EvenHeads.QueryHeads * EvenHeads.HeadDim;
        using EvenHeads attention = target is { } asked ? new(device, asked) : new(device);
        using KvCache<EvenHeads> cache = attention.CreateCache(Requests, 1);
        using AttentionPlan<EvenHeads> plan = attention.CreatePlan();
        Half[] rows = new Half[Requests * Elements];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = (Half)((i / Elements % 64) + 1);
        }

        using DeviceBuffer<Half> values = device.Upload<Half>(rows), outputs = device.Allocate<Half>(rows.Length);
        var requests = new AttentionRequest[Requests];
        for (int i = 0; i < Requests; i++)
        {
            SequenceHandle sequence = cache.AddSequence();
            cache.Extend(sequence, 1);
            requests[i] = new(sequence, 1);
        }

        plan.Build(cache, requests);
        attention.SubmitAppend(plan, cache, 0, values, values);
        using BlockMask<EvenHeads> mask = attention.CreateBlockMask(plan);
        TileCounts counts = mask.Count();
        long whole = plan.Work.DecodeTiles.Count == Requests ? (long)Requests * EvenHeads.KvHeads : 0, seen = whole / 4;
        if (counts.Empty != whole - seen || counts.Partial + counts.Full != seen)
        {
            return $"tiles are {counts}, expected {whole - seen} empty ones and {seen} others";
        }

        attention.SubmitAttend(plan, cache, 0, values, outputs, new() { BlockMask = mask });
        Half[] attended = new Half[rows.Length];
        device.Queue.Read(outputs, attended.AsSpan());
        for (int i = 0; i < attended.Length; i++)
        {
            (int request, int head) = (i / Elements, i % Elements / EvenHeads.HeadDim);
            Half expected = head % 2 == 0 && request % 2 == 0 ? rows[i] : Half.Zero;
            if (Math.Abs((float)(attended[i] - expected)) > 1e-3f * (float)expected)
            {
                return $"head {head} of request {request} is {attended[i]}, expected {expected}";
            }
        }

        return null;
    }
}
