using System.Text;
using Spectre.Console;

namespace Kernels.Benchmarks.Compare;

/// <summary>A table of texts; a cell may have several lines.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Columns">The columns' heads.</param>
internal sealed record TextTable(string Title, IReadOnlyList<string> Columns)
{
    /// <summary>The rows, a cell for each column.</summary>
    public List<IReadOnlyList<string>> Rows { get; } = [];

    /// <summary>Writes it to a console.</summary>
    public void Write(IAnsiConsole console)
    {
        Table table = new Table { ShowRowSeparators = true }.RoundedBorder().Title(new TableTitle(Title));
        foreach (string column in Columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        foreach (IReadOnlyList<string> row in Rows)
        {
            table.AddRow(row.Select(cell => new Text(cell)));
        }

        console.Write(table);
    }

    /// <summary>As a Markdown table, a cell's lines parted by semicolons.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        AppendRow(text, Columns);
        AppendRow(text, [.. Columns.Select(_ => "---")]);
        foreach (IReadOnlyList<string> row in Rows)
        {
            AppendRow(text, row);
        }

        return text.ToString();
    }

    private static void AppendRow(StringBuilder text, IReadOnlyList<string> cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("\n", "; ").Replace("|", "\\|"))).Append(" |\n");
}
