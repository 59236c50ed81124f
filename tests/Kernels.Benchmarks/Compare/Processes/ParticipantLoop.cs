using System.Text.Json;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A participant's process: answers questions until its input ends.</summary>
internal static class ParticipantLoop
{
    /// <summary>Our kernels, each row on a cache of its own, the device's ceilings measured before it.</summary>
    public static void RunKernels(Suite suite, string device, TextReader input, TextWriter output)
    {
        // Rows measure the planner's choice, the same in every run: the tiles of a kernel differ by little more than noise.
        using var opened = ComputeDevice.Open(DeviceSelector.Parse(device), new ComputeDeviceOptions { Profiling = true, Tuning = TuningMode.Off });
        DeviceCapabilities capabilities = opened.Capabilities;
        Answer(input, output, question =>
        {
            Row row = suite.Find(question.Work.Name) ?? throw new ArgumentException($"Suite {suite.Name} has no row \"{question.Work.Name}\".");
            DeviceProfile profile = DeviceProfile.Measure(opened);
            using IWorkload workload = row.Open(opened);
            double[] samples = Sampling.Run(opened, workload.Enqueue, question.Seconds);
            if (!workload.HasPlausibleOutputs())
            {
                throw new InvalidOperationException("The outputs are not numbers, or all the same.");
            }

            bool tensor = row.Work.Storage != ElementType.Float32;
            return new([new Sampled(Participant.Ours, samples)])
            {
                ReadBytesPerSecond = profile.ReadBytesPerSecond,
                FlopsPerSecond = tensor ? profile.TensorFlopsPerSecond ?? profile.Float32FlopsPerSecond : profile.Float32FlopsPerSecond,
                MemoryBytes = opened.AllocatedBytes,
                Environment = $"{capabilities.Name}, {capabilities.PlatformName} {capabilities.DriverVersion}, {workload.Target} kernels",
            };
        }, Participant.Ours);
    }

    /// <summary>ONNX Runtime.</summary>
    public static void RunOnnx(TextReader input, TextWriter output) => Answer(input, output, question =>
    {
        if (OnnxPeer.WhyNot(question.Work) is { } reason)
        {
            return new([new Sampled(Participant.Onnx, [], reason)]);
        }

        using OnnxPeer peer = OnnxPeer.Open(question.Work);
        return new([new Sampled(Participant.Onnx, Sampling.Run(peer.Run, question.Seconds))]) { Environment = $"ONNX Runtime {OnnxPeer.Version}" };
    }, Participant.Onnx);

    private static void Answer(TextReader input, TextWriter output, Func<Question, Answer> work, string participant)
    {
        while (input.ReadLine() is { Length: > 0 } line)
        {
            Answer answer;
            try
            {
                answer = work(JsonSerializer.Deserialize(line, MessageJson.Default.Question) ?? throw new JsonException("null is no question."));
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
