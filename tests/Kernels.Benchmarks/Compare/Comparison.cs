using System.Collections.Immutable;

namespace Kernels.Benchmarks.Compare;

/// <summary>A run of a suite.</summary>
/// <param name="Options">What was asked for.</param>
/// <param name="Rows">The rows, measured.</param>
/// <param name="TorchMissing">Why PyTorch did not take part; empty: it did, or was not asked.</param>
internal sealed record Comparison(CompareOptions Options, ImmutableArray<RowResult> Rows, string TorchMissing)
{
    /// <summary>
    /// Measures. In each round every participant has a fresh process, and they take turns row by row, so that ours and the peers meet the
    /// same moods of the machine.
    /// </summary>
    /// <param name="options">What to measure.</param>
    /// <param name="progress">Takes a line for each row and round.</param>
    public static Comparison Run(CompareOptions options, TextWriter progress)
    {
        string torchMissing = string.Empty;
        string? python = options.Peers ? Participants.FindTorch(out torchMissing) : null;
        ImmutableArray<RowResult> rows = [.. options.Rows.Select(row => new RowResult(row))];
        for (int round = 0; round < options.Processes; round++)
        {
            List<Participant> participants = [.. Participants.Create(options.Suite, options.Device, python)];
            try
            {
                foreach (RowResult row in rows)
                {
                    foreach (Participant participant in options.Peers ? participants : participants.Take(1))
                    {
                        row.Add(participant.Ask(new(row.Row.Work, options.Seconds, row.Row.Series is not null)));
                    }

                    string time = row.Ours is { } ours
                        ? Units.Time(ours.Seconds)
                        : $"failed ({row.Missing.FirstOrDefault(missing => missing.Participant == Participant.Ours).Reason})";
                    progress.WriteLine($"round {round + 1} of {options.Processes}: {row.Row.Name}: {time}");
                }
            }
            finally
            {
                participants.ForEach(participant => participant.Dispose());
            }
        }

        return new(options, rows, torchMissing);
    }
}
