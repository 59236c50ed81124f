using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How many times as fast as a peer.</summary>
/// <param name="Peer">The peer; null: the fastest of all.</param>
/// <param name="Least">The least.</param>
internal sealed record PeerBar(string? Peer, double Least) : Bar(Least)
{
    public override string Text => $"≥ {Times(Least)} {Peer ?? "the best peer"}";

    public override double? Measure(RowResult row)
    {
        Measured? peer = row.Peers.Where(measured => Peer is null || measured.Participant == Peer).MinBy(measured => measured.Seconds);
        return peer?.Seconds / row.Ours?.Seconds;
    }

    public override string Format(double value) => Times(value);
}
