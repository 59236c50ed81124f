using System.Diagnostics;

namespace Decoders;

/// <summary>Times what is repeated.</summary>
internal static class StepMeasurement
{
    /// <summary>Runs that are timed at most; one more is not timed.</summary>
    public const int MostRuns = 9;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>The median time of some runs after one that is not timed: at least three, and no more than take two seconds.</summary>
    /// <param name="run">Does the work and waits for it.</param>
    /// <param name="mostRuns">Runs that are timed at most.</param>
    /// <returns>Seconds.</returns>
    public static double Median(Action run, int mostRuns = MostRuns)
    {
        run();
        var seconds = new List<double>();
        long begin = Stopwatch.GetTimestamp();
        while (seconds.Count < 3 || (seconds.Count < mostRuns && Stopwatch.GetElapsedTime(begin) < Patience))
        {
            long start = Stopwatch.GetTimestamp();
            run();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        seconds.Sort();
        return seconds[seconds.Count / 2];
    }
}
