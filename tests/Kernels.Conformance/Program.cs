using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Kernels;
using Kernels.Conformance;
using Kernels.OpenCL;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var deviceOption = new Option<string?>("--device")
{
    Description = "Which device, as KERNELS_DEVICE says it: cpu, gpu, #1, a part of its name.",
};
var fullOption = new Option<bool>("--full") { Description = "The whole product of the matrix, not a sample." };
var countOption = new Option<int>("--count") { Description = "Cases of the sample.", DefaultValueFactory = _ => 60 };
var seedOption = new Option<int>("--seed") { Description = "Decides the sample and the inputs.", DefaultValueFactory = _ => 1 };
var filterOption = new Option<string?>("--filter") { Description = "Only cases whose description contains this." };
var featuresOption = new Option<bool>("--features")
{
    Description =
        "Only mods, block masks, shared keys, determinism, merged states, large pools and long axes; without it they follow the matrix.",
};
var axesOption = new Option<bool>("--axes")
{
    Description = "Only the sample of dimensions, lengths, heads and types, without corners, options, pages and quantised caches.",
};
var poisonOption = new Option<bool>("--poison")
{
    Description =
        "Only NaN, infinities and the largest and smallest numbers in every place, all of them; without it a sample follows the matrix.",
};
var layersOption = new Option<bool>("--layers")
{
    Description =
        "Only the drawing of tokens, and linear layers by tensor cores where the device has them: of 16 bits, in groups and of experts.",
};
var workOption = new Option<double>("--work")
{
    Description = "Leaves out cases with more multiplications of scores than this, for a slow device.",
    DefaultValueFactory = _ => double.PositiveInfinity,
};
var targetOption = new Option<KernelTarget?>("--target")
{
    Description = "The target whose kernels to test, on the specs that have them; left out, the device's own.",
};
var partOption = new Option<string?>("--part")
{
    Description = "K/N: the cases of every N-th spec from the K-th on, so that N processes share them and each spec is built by one.",
};
var skipOption = new Option<int>("--skip")
{
    Description = "Leaves out the first cases of the part: those that a run passed before it was cut off.",
};
var root = new RootCommand("Runs the attention kernels on a device and compares them with a double-precision reference.")
{
    deviceOption, fullOption, countOption, seedOption, filterOption, featuresOption, axesOption, poisonOption, layersOption, workOption,
        targetOption, partOption, skipOption,
};
root.SetAction(arguments =>
{
    string? selector = arguments.GetValue(deviceOption);
    using var device = ComputeDevice.Open(selector is null ? null : DeviceSelector.Parse(selector), new() { Tuning = TuningMode.Off });
    Console.WriteLine($"device: {device.Info}, driver {device.Capabilities.DriverVersion}");
    int seed = arguments.GetValue(seedOption);
    IEnumerable<AppendCase> appends = AppendCase.All(seed);
    IEnumerable<AttentionCase> cases = arguments.GetValue(fullOption)
        ? CaseMatrix.Full(seed) : CaseMatrix.Sample(arguments.GetValue(countOption), seed);
    IEnumerable<FeatureCase> features = FeatureCases.All(seed);
    if (arguments.GetValue(axesOption))
    {
        cases = CaseMatrix.Sample(arguments.GetValue(countOption), seed).Take(arguments.GetValue(countOption));
        (appends, features) = ([], []);
    }
    else if (arguments.GetValue(poisonOption))
    {
        (appends, cases, features) = ([], CaseMatrix.Poisoned(seed), []);
    }
    else if (arguments.GetValue(featuresOption))
    {
        (appends, cases) = ([], []);
    }

    else if (arguments.GetValue(layersOption))
    {
        (appends, cases, features) = ([], [], []);
    }

    double most = arguments.GetValue(workOption);
    cases = cases.Where(test => test.Work <= most);
    features = features.Where(test => test.Work <= most);
    if (arguments.GetValue(filterOption) is { } filter)
    {
        cases = cases.Where(test => test.ToString().Contains(filter, StringComparison.OrdinalIgnoreCase));
        appends = appends.Where(test => test.ToString().Contains(filter, StringComparison.OrdinalIgnoreCase));
        features = features.Where(test => test.Name.Contains(filter, StringComparison.OrdinalIgnoreCase));
    }

    KernelTarget? target = arguments.GetValue(targetOption);
    if (target is { } only)
    {
        cases = cases.Where(test => RuntimeSpec.Describe(test.Shape).Targets.Contains(only));
        appends = appends.Where(test => RuntimeSpec.Describe(test.Shape).Targets.Contains(only));
        features = features.Where(test => test.Descriptor.Targets.Contains(only));
    }

    if (arguments.GetValue(partOption)?.Split('/') is { } part)
    {
        (int own, int parts) = (int.Parse(part[0], CultureInfo.InvariantCulture), int.Parse(part[1], CultureInfo.InvariantCulture));
        AttentionShape? shape = null;
        int spec = -1;
        cases = cases.Where(test =>
        {
            spec += test.Shape == shape ? 0 : 1;
            shape = test.Shape;
            return spec % parts == own - 1;
        });
        appends = appends.Where((_, index) => index % parts == own - 1);
        features = features.Where((_, index) => index % parts == own - 1);
    }

    cases = cases.Skip(arguments.GetValue(skipOption));
    var runner = new CaseRunner(device, target);
    int passed = 0, failed = 0;
    double worst = 0;
    var clock = Stopwatch.StartNew();
    var appendRunner = new AppendRunner(device, target);
    foreach (AppendCase test in appends)
    {
        Count(test, appendRunner.Run(test));
    }

    foreach (AttentionCase test in cases)
    {
        CaseResult result = runner.Run(test);
        Count(test, result.Failure);
        worst = Math.Max(worst, result.Failure is null ? result.Error : 0);
    }

    if (arguments.GetValue(layersOption))
    {
        foreach (DrawCheck test in DrawCheck.All.Where(Selected))
        {
            Count(test, test.Run(device));
        }

        if (device.Capabilities.NvidiaComputeCapability < 80)
        {
            Console.WriteLine("skipped linear layers by tensor cores: the device is no NVIDIA GPU of compute capability 8.0 or later");
        }
        else
        {
            foreach ((object test, Func<string?> run) in TensorChecks.All(device).Where(check => Selected(check.Check)))
            {
                Count(test, run());
            }
        }
    }

    foreach (FeatureCase test in features)
    {
        if (test.Unfit(device) is { } reason)
        {
            Console.WriteLine($"skipped {test}: {reason}");
        }
        else
        {
            Count(test, test.Run(device, target));
        }
    }

    Console.WriteLine($"largest error of a passed case: {worst:F3} of what is allowed; {clock.Elapsed.TotalSeconds:F0} s");
    Console.WriteLine($"{passed} passed, {failed} failed");
    return failed == 0 && passed > 0 ? 0 : 1;

    bool Selected(object test) =>
        arguments.GetValue(filterOption) is not { } text || test.ToString()!.Contains(text, StringComparison.OrdinalIgnoreCase);

    void Count(object test, string? failure)
    {
        passed += failure is null ? 1 : 0;
        failed += failure is null ? 0 : 1;
        if (failure is not null)
        {
            Console.WriteLine($"FAILED {test}: {failure}");
        }

        if ((passed + failed) % 100 == 0)
        {
            // A run that is cut off has said how far it came.
            Console.WriteLine($"{passed} passed, {failed} failed so far; {clock.Elapsed.TotalSeconds:F0} s");
        }
    }
});
return root.Parse(args).Invoke();
