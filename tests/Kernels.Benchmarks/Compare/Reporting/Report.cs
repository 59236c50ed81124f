using System.Text;
using Spectre.Console;

namespace Kernels.Benchmarks.Compare;

/// <summary>A comparison as tables and notes.</summary>
/// <param name="Tables">The tables.</param>
/// <param name="Notes">What has to be known to read them.</param>
internal sealed record Report(IReadOnlyList<TextTable> Tables, IReadOnlyList<string> Notes)
{
    /// <summary>Makes the tables.</summary>
    public static Report Create(Comparison comparison)
    {
        List<TextTable> tables = [];
        RowResult[] single = [.. comparison.Rows.Where(row => row.Row.Series is null)];
        if (single.Length > 0)
        {
            tables.Add(ComparisonTable.Create(comparison, single));
        }

        tables.AddRange(
            comparison.Rows.Where(row => row.Row.Series is not null).GroupBy(row => row.Row.Series!).Select(GrowthTable.Create));
        return new(tables, [.. NotesOf(comparison)]);
    }

    /// <summary>Writes it to a console.</summary>
    public void Write(IAnsiConsole console)
    {
        foreach (TextTable table in Tables)
        {
            table.Write(console);
        }

        foreach (string note in Notes)
        {
            console.Write(new Text(note + "\n"));
        }
    }

    /// <summary>As Markdown, to be put into a page.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (TextTable table in Tables)
        {
            text.Append($"### {table.Title}\n\n{table.ToMarkdown()}\n");
        }

        foreach (string note in Notes)
        {
            text.Append($"- {note}\n");
        }

        return text.ToString();
    }

    private static IEnumerable<string> NotesOf(Comparison comparison)
    {
        yield return $"Command: {comparison.Options.CommandLine}";
        yield return $"Ran on: {string.Join("; ", comparison.Rows.SelectMany(row => row.Environments).Distinct())}";
        yield return $"Times are the median of {comparison.Options.Processes} processes' medians, ± half the distance of the processes' "
            + "medians; ceilings were measured in our processes, before and after each row. A ratio to another row of ours is the median "
            + "of the processes', each of which sampled both: on a CPU in turns, on a GPU one after the other.";
        if (comparison.Rows.Any(row => row.Matmul is not null))
        {
            yield return "Matmul is PyTorch's product of two matrices of 8192 × 8192 in the row's type, measured in its processes before "
                + "each row.";
        }

        if (comparison.TorchMissing.Length > 0)
        {
            yield return $"PyTorch did not take part: {comparison.TorchMissing}";
        }

        // One line for each reason, however many rows have it.
        foreach (var missing in comparison.Rows.SelectMany(
            row => row.Missing.Select(missing => (missing.Participant, missing.Reason, row.Row.Name)))
                .GroupBy(missing => (missing.Participant, missing.Reason)))
        {
            string[] names = [.. missing.Select(row => row.Name)];
            yield return $"{missing.Key.Participant} left out {string.Join(", ", names.Take(3))}{(names.Length > 3 ? $" and {names.Length - 3} more" : "")}: {missing.Key.Reason}";
        }
    }
}
