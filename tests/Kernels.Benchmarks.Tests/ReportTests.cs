using System.Globalization;
using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

public sealed class ReportTests
{
    private const string Unmodified = "prefill causal f32 B1 H32/8 S1024 D128";

    [Fact]
    public void ARowSaysWhatWasAskedAndWhetherItIsSo()
    {
        // 2^33 operations in 40 ms are 215 GFLOP/s.
        RowResult row = Measure(Unmodified, 0.040, 0.060, flops: 250e9);
        TextTable table = Assert.Single(Report.Create(Compared(row)).Tables);
        IReadOnlyList<string> cells = Assert.Single(table.Rows);
        Assert.Equal(["Work", "Ours", "Rate", "Ceiling", "ONNX Runtime", "Asked for", "Measured", "Met"], table.Columns);
        Assert.Equal(
            [
                Unmodified, "40.0 ms ± 0 %", "215 GFLOP/s", "86 % of 250 GFLOP/s", "60.0 ms (1.50×)",
                "≥ 80 % of ceiling\n≥ 1.35× ONNX Runtime\n≥ 1.60× PyTorch", "85.9 %\n1.50×\n—", "yes\nyes\nnot measured",
            ],
            cells);
        Assert.Contains(
            "| ≥ 80 % of ceiling; ≥ 1.35× ONNX Runtime; ≥ 1.60× PyTorch | 85.9 %; 1.50×; — | yes; yes; not measured |", table.ToMarkdown());
    }

    [Fact]
    public void PyTorchsMatmulOfTheRunStandsBesideTheCeiling()
    {
        Suite gpu = Suite.All[1];
        RowResult[] rows =
            [.. from name in (string[])["prefill causal f16 B4 H32/8 S4096 D128", "decode f16 B16 H32/8 S8192 D128",
                "prefill causal f16 B1 H32/8 S1024 D128 growth"]
                               select new RowResult(gpu.Find(name)!)];
        foreach (RowResult row in rows)
        {
            row.Add(
                new Answer([new Sampled(Participant.Ours, [row.Amount / (row.Row.Bound == Bound.Memory ? 4e12 : 550e12)])])
                {
                    FlopsPerSecond = 950e12,
                    ReadBytesPerSecond = 4.5e12,
                });
            row.Add(new Answer([new Sampled(Participant.CuDnn, [1])]) { MatmulFlopsPerSecond = 780e12 });
            row.Add(new Answer([new Sampled(Participant.CuDnn, [1])]) { MatmulFlopsPerSecond = 800e12 });
        }

        Report report = Report.Create(new(new(gpu, "gpu"), [.. rows], ""));
        Assert.Equal("58 % of 950 TFLOP/s\n70 % of matmul's 790 TFLOP/s", report.Tables[0].Rows[0][3]);
        Assert.Equal("89 % of 4.50 TB/s", report.Tables[0].Rows[1][3]);
        Assert.Equal(["Ceiling", "Matmul"], report.Tables[1].Columns.Skip(4).Take(2));
        Assert.Equal(["58 %", "70 %"], report.Tables[1].Rows[0].Skip(4).Take(2));
        Assert.Contains(report.Notes, note => note.StartsWith("Matmul is PyTorch's", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(6.5e14, "TFLOP/s", 650)]
    [InlineData(2.08e11, "GFLOP/s", 208)]
    public void LargeRatesAreSaidInLargeUnits(double rate, string unit, double number)
    {
        (double factor, string named) = Units.RateUnit(rate, Bound.Arithmetic);
        Assert.Equal((unit, number), (named, rate / factor));
        Assert.Equal($"{number} {unit}", Units.Rate(rate, Bound.Arithmetic));
    }

    [Fact]
    public void ABarThatIsMissedIsShownAsSuch()
    {
        RowResult row = Measure(Unmodified, 0.040, 0.044, flops: 400e9);
        Assert.StartsWith("no\nno\n", Report.Create(Compared(row)).Tables[0].Rows[0][^1]);
    }

    [Fact]
    public void ABarAgainstAnotherRowTakesWhatThatRowTookInTheSameProcess()
    {
        const string Modified = Unmodified + " score mod";
        var row = new RowResult(Suite.All[0].Find(Modified)!);
        double[] slowdowns = [1.25, 1.25, 4]; // the third process had bad luck
        foreach (double slowdown in slowdowns)
        {
            double other = 0.040 * slowdown;
            row.Add(new Answer([new Sampled(Participant.Ours, [other * slowdown])]) { Others = [new SampledRow(Unmodified, [other])] });
        }

        Assert.Equal("0.80×", Report.Create(Compared(row)).Tables[0].Rows[0][^2]);
        Assert.Equal("not measured", Report.Create(Compared(Measure(Modified, 0.050, null))).Tables[0].Rows[0][^1]);
    }

    [Fact]
    public void AFailureIsShownWithItsReason()
    {
        var row = new RowResult(Suite.All[0].Find(Unmodified)!);
        row.Add(new Answer([new Sampled(Participant.Ours, [], "out of memory")]));
        Report report = Report.Create(Compared(row));
        Assert.Equal("failed", report.Tables[0].Rows[0][1]);
        Assert.Contains(report.Notes, note => note.Contains("out of memory") && note.Contains(Unmodified));
        Assert.Contains("no torch", string.Join('\n', report.Notes));
    }

    [Theory]
    [InlineData(2.05, "yes")]
    [InlineData(2.15, "no")]
    [InlineData(1.85, "no")]
    public void ASeriesShowsItsRatiosAndWhetherTheyAreAsAskedFor(double growth, string met)
    {
        RowResult[] rows =
            [.. Suite.All[0].Select("growth decode").Take(2)
                .Select((row, i) => Measure(row.Name, 0.001 * Math.Pow(growth, i), null, read: 50e9, other: i * 0.001))];
        TextTable table = Assert.Single(Report.Create(Compared(rows)).Tables);
        Assert.Equal("growth decode f32 B1 H32/8 D128 (time linear: 2)", table.Title);
        Assert.Equal(["1024", "2048"], table.Rows.Select(row => row[0]));
        Assert.Equal(["", growth.ToString("0.00", CultureInfo.InvariantCulture)], table.Rows.Select(row => row[2]));
        Assert.Equal("Ratio 1.90 to 2.10", table.Columns[3]);
        Assert.Equal(["", met], table.Rows.Select(row => row[3]));
    }

    [Theory]
    [InlineData(9.5e-5, "95.0 µs")]
    [InlineData(0.0123, "12.3 ms")]
    [InlineData(2, "2.00 s")]
    public void TimesHaveThreeDigits(double seconds, string expected) => Assert.Equal(expected, Units.Time(seconds));

    private static Comparison Compared(params RowResult[] rows) => new(new(Suite.All[0], "cpu"), [.. rows], "no torch");

    private static RowResult Measure(string name, double ours, double? onnx, double flops = 1, double read = 1, double other = 0)
    {
        var row = new RowResult(Suite.All[0].Find(name)!);
        row.Add(
            new Answer([new Sampled(Participant.Ours, [ours])])
            {
                FlopsPerSecond = flops,
                ReadBytesPerSecond = read,
                MemoryBytes = 1000,
                Others = [.. row.Row.Others.Where(_ => other > 0).Select(row => new SampledRow(row.Name, [other]))],
            });
        if (onnx is { } seconds)
        {
            row.Add(new Answer([new Sampled(Participant.Onnx, [seconds, seconds])]));
        }

        return row;
    }
}
