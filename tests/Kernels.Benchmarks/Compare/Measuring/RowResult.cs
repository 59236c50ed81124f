namespace Kernels.Benchmarks.Compare;

/// <summary>A row, measured.</summary>
/// <param name="Row">The row.</param>
internal sealed record RowResult(Row Row)
{
    private readonly List<Answer> answers = [];

    /// <summary>Our kernels; null: they did not run.</summary>
    public Measured? Ours => Of(Participant.Ours);

    /// <summary>The peers that ran.</summary>
    public IEnumerable<Measured> Peers => answers.SelectMany(answer => answer.Results).Select(result => result.Participant)
        .Where(name => name != Participant.Ours).Distinct().Select(Of).OfType<Measured>();

    /// <summary>Who did not run, and why.</summary>
    public IEnumerable<(string Participant, string Reason)> Missing => answers.SelectMany(answer => answer.Results)
        .Where(result => result.Reason is not null).Select(result => (result.Participant, result.Reason!)).Distinct();

    /// <summary>What limits the row, of the processes that did it: bytes or operations a second.</summary>
    public double? Ceiling => MedianOf(answer => Row.Bound == Bound.Memory ? answer.ReadBytesPerSecond : answer.FlopsPerSecond);

    /// <summary>
    /// PyTorch's product of two large matrices in the same run, in operations a second; null where memory limits the row, or nobody
    /// measured it.
    /// </summary>
    public double? Matmul => Row.Bound == Bound.Arithmetic ? MedianOf(answer => answer.MatmulFlopsPerSecond) : null;

    /// <summary>Bytes or operations of the work, whichever limits it.</summary>
    public double Amount => Row.Bound == Bound.Memory ? Row.Work.Bytes : Row.Work.Flops;

    /// <summary>Our rate as a share of the ceiling.</summary>
    public double? CeilingShare => Amount / Ours?.Seconds / Ceiling;

    /// <summary>Our rate as a share of PyTorch's matmul.</summary>
    public double? MatmulShare => Amount / Ours?.Seconds / Matmul;

    /// <summary>
    /// How many times as fast our kernels are in this row as in another; the median over processes that sampled both, null where none did.
    /// </summary>
    public double? TimesAsFastAs(Row other)
    {
        double[] ratios = [.. from answer in answers
                              from sampled in answer.Others ?? []
                              where sampled.Row == other.Name
                              from ours in answer.Results
                              where ours.Participant == Participant.Ours
                              select Statistics.Median(sampled.Samples) / Statistics.Median(ours.Samples)];
        return ratios.Length > 0 ? Statistics.Median(ratios) : null;
    }

    /// <summary>What our kernels took in other rows beside this one, process after process.</summary>
    public IEnumerable<SampledRow> Others => answers.SelectMany(answer => answer.Others ?? []);

    /// <summary>Bytes of device memory that our kernels held.</summary>
    public long? MemoryBytes => answers.Select(answer => answer.MemoryBytes).OfType<long>().Cast<long?>().Max();

    /// <summary>Where the participants ran.</summary>
    public IEnumerable<string> Environments => answers.Select(answer => answer.Environment).OfType<string>().Distinct();

    /// <summary>Takes in what a process answered.</summary>
    public void Add(Answer answer) => answers.Add(answer);

    /// <summary>What a participant took; null: it did not run.</summary>
    public Measured? Of(string participant)
    {
        double[][] processes =
            [.. answers.SelectMany(answer => answer.Results).Where(result => result.Participant == participant && result.Samples.Length > 0)
                .Select(result => result.Samples)];
        return processes.Length > 0 ? new(participant, processes) : null;
    }

    private double? MedianOf(Func<Answer, double?> number)
    {
        double[] measured = [.. answers.Select(number).OfType<double>()];
        return measured.Length > 0 ? Statistics.Median(measured) : null;
    }
}
