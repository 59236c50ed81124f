using System.Globalization;
using Spectre.Console;

namespace Decoders;

/// <summary>Numbers and tables as the <c>roofline</c> command prints them.</summary>
internal static class RooflineTable
{
    private const int RedirectedWidth = 200;

    /// <summary>A table whose columns but the first are numbers.</summary>
    public static Table Create(string title, params ReadOnlySpan<string> columns)
    {
        var table = new Table().RoundedBorder().Title(Markup.Escape(title));
        for (int i = 0; i < columns.Length; i++)
        {
            var column = new TableColumn(new Text(columns[i]));
            table.AddColumn(i == 0 ? column : column.RightAligned());
        }

        return table;
    }

    /// <summary>Adds a row of texts.</summary>
    public static void Add(this Table table, params ReadOnlySpan<string> cells)
    {
        var texts = new Text[cells.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            texts[i] = new Text(cells[i]);
        }

        table.AddRow(texts);
    }

    /// <summary>Writes a table, as wide as it needs where the output is not a terminal.</summary>
    public static void Write(TextWriter output, Table table)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected || output != Console.Out)
        {
            console.Profile.Width = RedirectedWidth;
        }

        console.Write(table);
    }

    /// <summary>Bytes in binary units.</summary>
    public static string Bytes(double bytes) => Scaled(bytes, 1024, "B", "KiB", "MiB", "GiB", "TiB", "PiB");

    /// <summary>A rate or a count in decimal units.</summary>
    public static string Count(double count, string unit) =>
        Scaled(count, 1000, unit, "K" + unit, "M" + unit, "G" + unit, "T" + unit, "P" + unit, "E" + unit);

    /// <summary>A time in the unit that suits it.</summary>
    public static string Seconds(double seconds) => seconds switch
    {
        < 1e-3 => Invariant($"{seconds * 1e6:G3} µs"),
        < 1 => Invariant($"{seconds * 1e3:G3} ms"),
        < 1000 => Invariant($"{seconds:G3} s"),
        _ => Invariant($"{seconds:N0} s"),
    };

    /// <summary>A number with no more digits than say something.</summary>
    public static string Number(double number) => number >= 100 ? Invariant($"{number:N0}") : Invariant($"{number:G3}");

    /// <summary>A whole number.</summary>
    public static string Whole(long number) => Invariant($"{number:N0}");

    /// <summary>A text in the invariant culture.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Scaled(double number, double step, params ReadOnlySpan<string> units)
    {
        int unit = 0;
        while (number >= step && unit < units.Length - 1)
        {
            number /= step;
            unit++;
        }

        string digits = Invariant($"{number:G4}");
        return units[unit].Length == 0 ? digits : $"{digits} {units[unit]}";
    }
}
