using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Kernels.OpenCL;

/// <summary>Times a spec's prefill with each of its tiles, on a prompt of zeros that is as long as the time allows.</summary>
internal static class TileTimer
{
    private const int ShortestPrompt = 64;
    private const int LongestPrompt = 1024;

    // 16 MiB of queries in float32.
    private const long MostElements = 1 << 22;

    private const int Rounds = 5;

    // A launch this long is not disturbed by what surrounds it.
    private static readonly TimeSpan LongEnough = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(300);

    /// <summary>The least time of each variant, in milliseconds.</summary>
    public static double[] Measure<TSpec, TElement>(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget target, int variants)
        where TElement : unmanaged
    {
        AttentionShape shape = descriptor.Shape;
        long perToken = (long)shape.QueryHeads * Math.Max(shape.HeadDim, shape.ValueDim);
        int longest = (int)Math.Clamp(MostElements / perToken, ShortestPrompt, LongestPrompt);
        var owned = new Stack<IDisposable>();
        var zeros = new ZeroBuffers(device, owned);
        try
        {
            AttentionLauncher<TSpec, TElement>[] launchers =
                [.. Enumerable.Range(0, variants)
                    .Select(variant => Own(new AttentionLauncher<TSpec, TElement>(device, descriptor, target, variant)))];
            AttentionInputs inputs = Inputs();
            IKvCache<TSpec> cache = Cache(launchers[0], shape, longest, owned, out SequenceHandle sequence);
            DeviceBuffer<TElement> queries = zeros.Create<TElement>(longest * perToken);
            DeviceBuffer<TElement> outputs = zeros.Create<TElement>(longest * perToken);
            AttentionPlan<TSpec>[] plans = [.. launchers.Select(launcher => Own(launcher.CreatePlan()))];

            Build(launchers);

            int tokens = 0;
            Lengthen(ShortestPrompt);
            Array.ForEach([.. Enumerable.Range(0, variants)], i => Time(i)); // a driver's first launch is slower than others
            long began = Stopwatch.GetTimestamp();
            while (tokens * 2 <= longest && Time(0) < LongEnough)
            {
                Lengthen(tokens * 2);
            }

            double[] best = [.. Enumerable.Repeat(double.PositiveInfinity, variants)];
            for (int round = 0; round < Rounds && (round == 0 || Stopwatch.GetElapsedTime(began) < Budget); round++)
            {
                for (int i = 0; i < variants; i++)
                {
                    best[i] = Math.Min(best[i], Time(i).TotalMilliseconds);
                }
            }

            return best;

            void Lengthen(int length)
            {
                cache.Extend(sequence, length - tokens);
                cache.MarkWritten(sequence);
                tokens = length;
                foreach (AttentionPlan<TSpec> plan in plans)
                {
                    plan.Build(cache, [new AttentionRequest(sequence, tokens)]);
                }
            }

            TimeSpan Time(int i)
            {
                long start = Stopwatch.GetTimestamp();
                launchers[i].SubmitAttend(plans[i], cache, 0, queries, outputs, inputs);
                device.Queue.Finish();
                return Stopwatch.GetElapsedTime(start);
            }
        }
        finally
        {
            while (owned.TryPop(out IDisposable? last))
            {
                last.Dispose();
            }
        }

        AttentionInputs Inputs()
        {
            AttentionInputs all = default;
            foreach (LaunchInput input in AttentionInputs.OfOptions)
            {
                if (input.Option.IsIn(shape))
                {
                    all = input.AddZeros(all, shape, longest, zeros);
                }
            }

            return all;
        }

        T Own<T>(T disposable) where T : IDisposable
        {
            owned.Push(disposable);
            return disposable;
        }
    }

    /// <summary>Builds the kernels, side by side.</summary>
    private static void Build<TSpec, TElement>(AttentionLauncher<TSpec, TElement>[] launchers)
        where TElement : unmanaged
    {
        try
        {
            Parallel.ForEach(launchers, static launcher => launcher.PreparePrefill());
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private static IKvCache<TSpec> Cache<TSpec, TElement>(
        AttentionLauncher<TSpec, TElement> launcher, AttentionShape shape, int tokens,
        Stack<IDisposable> owned, out SequenceHandle sequence)
        where TElement : unmanaged
    {
        IKvCache<TSpec> cache;
        if (shape.PageSize == 0)
        {
            KvCache<TSpec> contiguous = launcher.CreateCache(1, tokens, 1);
            owned.Push(contiguous);
            (cache, sequence) = (contiguous, contiguous.AddSequence());
        }
        else
        {
            PagedKvCache<TSpec> paged = launcher.CreatePagedCache((tokens + shape.PageSize - 1) / shape.PageSize, 1);
            owned.Push(paged);
            (cache, sequence) = (paged, paged.AddSequence());
        }

        Cleared(cache.GetKeys(0));
        if (!shape.LatentCache)
        {
            Cleared(cache.GetValues(0));
        }

        if (shape.CacheScale == CacheScale.PerToken)
        {
            Cleared(cache.GetKeyScales(0));
            Cleared(cache.GetValueScales(0));
        }

        return cache;
    }

    private static DeviceBuffer<T> Cleared<T>(DeviceBuffer<T> buffer) where T : unmanaged
    {
        buffer.Device.Queue.SubmitFill(buffer, default, 0, buffer.Length);
        return buffer;
    }
}
