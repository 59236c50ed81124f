using System.Text.Json;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A participant's process: answers questions until its input ends.</summary>
internal static class ParticipantLoop
{
    /// <summary>Our kernels, each row on a cache of its own.</summary>
    public static void RunKernels(Suite suite, string device, TextReader input, TextWriter output)
    {
        // Rows measure the planner's choice, the same in every run: the tiles of a kernel differ by little more than noise.
        using var opened = ComputeDevice.Open(
            DeviceSelector.Parse(device), new ComputeDeviceOptions { Profiling = true, Tuning = TuningMode.Off });
        Answer(
            input,
            output,
            question =>
                Measure(
                    opened, suite.Find(question.Work.Name)
                        ?? throw new ArgumentException($"Suite {suite.Name} has no row \"{question.Work.Name}\"."), question.Seconds),
            Participant.Ours);
    }

    /// <summary>ONNX Runtime.</summary>
    public static void RunOnnx(TextReader input, TextWriter output) => Answer(input, output, question =>
    {
        if (OnnxPeer.WhyNot(question.Work) is { } reason)
        {
            return new([new Sampled(Participant.Onnx, [], reason)]);
        }

        using OnnxPeer peer = OnnxPeer.Open(question.Work);
        double[] samples = Sampling.Run(peer.Run, question.Seconds);
        if (peer.FindFault() is { } fault)
        {
            throw new InvalidOperationException(fault);
        }

        return new([new Sampled(Participant.Onnx, samples)]) { Environment = $"ONNX Runtime {OnnxPeer.Version}" };
    }, Participant.Onnx);

    /// <summary>Samples a row with those that it is compared with, between two measurements of the device's ceilings.</summary>
    private static Answer Measure(ComputeDevice device, Row row, double seconds)
    {
        DeviceProfile before = DeviceProfile.Measure(device);
        Row[] others = [.. row.Others];
        List<IWorkload> all = [];
        try
        {
            all.Add(row.Open(device));
            long memory = device.AllocatedBytes;
            all.AddRange(others.Select(other => other.Open(device)));
            double[][] samples = Sampling.Run(device, all.Select(work => (Action)work.Enqueue), seconds);
            if (all.Select(work => work.FindFault()).FirstOrDefault(fault => fault is not null) is { } fault)
            {
                throw new InvalidOperationException(fault);
            }

            DeviceProfile after = DeviceProfile.Measure(device);
            DeviceCapabilities capabilities = device.Capabilities;
            return new([new Sampled(Participant.Ours, samples[0])])
            {
                Others = [.. others.Zip(samples.Skip(1), (other, sampled) => new SampledRow(other.Name, sampled))],
                ReadBytesPerSecond = (before.ReadBytesPerSecond + after.ReadBytesPerSecond) / 2,
                FlopsPerSecond = (Peak(before) + Peak(after)) / 2,
                MemoryBytes = memory,
                Environment =
                    $"{capabilities.Name}, {capabilities.PlatformName} {capabilities.DriverVersion}, {all[0].Target} "
                        + $"kernels{(IsTensor(after) ? $", tensor cores by {after.TensorInstruction}" : "")}",
            };
        }
        finally
        {
            all.ForEach(work => work.Dispose());
        }

        bool IsTensor(DeviceProfile profile) => row.Work.Storage != ElementType.Float32 && profile.TensorFlopsPerSecond is not null;

        double Peak(DeviceProfile profile) => IsTensor(profile) ? profile.TensorFlopsPerSecond!.Value : profile.Float32FlopsPerSecond;
    }

    private static void Answer(TextReader input, TextWriter output, Func<Question, Answer> work, string participant)
    {
        while (input.ReadLine() is { Length: > 0 } line)
        {
            Answer answer;
            try
            {
                answer = work(
                    JsonSerializer.Deserialize(line, MessageJson.Default.Question) ?? throw new JsonException("null is no question."));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Whatever went wrong with one piece of work, the others can be done.
                answer = new([new Sampled(participant, [], $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}")]);
            }

            output.WriteLine(JsonSerializer.Serialize(answer, MessageJson.Default.Answer));
            output.Flush();
        }
    }
}
