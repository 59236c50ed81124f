using System.Diagnostics;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>Takes samples of how long work takes.</summary>
internal static class Sampling
{
    private const int FewestSamples = 3;
    private const int MostSamples = 30;
    private const int MostRepeats = 200;

    /// <summary>
    /// Samples works on a device. On a CPU by the wall clock around launch and wait, a sample of each in turn, so that they share the moods
    /// of a machine that others use too; on a GPU between events of the device around repeats, each by itself: its clock follows the load,
    /// and in turns the lighter one would cool it for the heavier.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="works">Each enqueues a work once.</param>
    /// <param name="budget">Seconds for each that sampling may take, at least three samples all the same.</param>
    /// <returns>Seconds of one run of each, sample after sample.</returns>
    public static double[][] Run(ComputeDevice device, IEnumerable<Action> works, double budget) =>
        device.Capabilities.Kind == DeviceKind.Cpu
        ? Run(1e-3, budget, [.. works.Select(enqueue => (Func<int, double>)(repeats => ByClock(device.Queue, enqueue, repeats)))])
        : [.. works.Select(enqueue => Run(5e-3, budget, [repeats => ByEvents(device.Queue, enqueue, repeats)])[0])];

    /// <summary>Samples work that is over when it returns.</summary>
    /// <param name="work">The work.</param>
    /// <param name="budget">As above.</param>
    public static double[] Run(Action work, double budget) => Run(1e-3, budget, [repeats =>
    {
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            work();
        }

        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }])[0];

    /// <param name="shortest">
    /// Seconds that a sample takes at least: short work is repeated within one, against the clock's steps, on a GPU also to keep it busy.
    /// </param>
    /// <param name="budget">Seconds for all samples of one.</param>
    /// <param name="works">Each gives the seconds that so many runs took.</param>
    private static double[][] Run(double shortest, double budget, Func<int, double>[] works)
    {
        (int Repeats, double Seconds)[] sizes = [.. works.Select(work => WarmUp(work, shortest, budget))];
        int samples = (int)Math.Clamp(budget * works.Length / sizes.Sum(size => size.Seconds), FewestSamples, MostSamples);
        double[][] seconds = [.. works.Select(_ => new double[samples])];
        for (int i = 0; i < samples; i++)
        {
            for (int work = 0; work < works.Length; work++)
            {
                seconds[work][i] = works[work](sizes[work].Repeats) / sizes[work].Repeats;
            }
        }

        return seconds;
    }

    /// <summary>The first run builds and allocates. Those after it bring caches and clocks to where they stay.</summary>
    /// <returns>The runs of a sample, and the seconds that it takes.</returns>
    private static (int Repeats, double Seconds) WarmUp(Func<int, double> work, double shortest, double budget)
    {
        _ = work(1);
        double once = work(1);
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds + once < budget / 4)
        {
            once = work(1);
        }

        int repeats = (int)Math.Clamp(Math.Ceiling(shortest / once), 1, MostRepeats);
        return (repeats, repeats * once);
    }

    private static double ByEvents(ComputeQueue queue, Action enqueue, int repeats)
    {
        using ComputeEvent before = queue.EnqueueMarker();
        for (int i = 0; i < repeats; i++)
        {
            enqueue();
        }

        using ComputeEvent after = queue.EnqueueMarker();
        return (after.GetTimes().EndedNanoseconds - before.GetTimes().EndedNanoseconds) * 1e-9;
    }

    private static double ByClock(ComputeQueue queue, Action enqueue, int repeats)
    {
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            enqueue();
        }

        queue.Finish();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
