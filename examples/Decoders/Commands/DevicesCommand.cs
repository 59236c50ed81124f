using System.CommandLine;
using Kernels.OpenCL;
using Spectre.Console;

namespace Decoders;

/// <summary>Lists the OpenCL devices of this machine.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var command = new Command("devices", "Lists the OpenCL devices of this machine.");
        command.SetBody((_, output, _) => Run(output));
        return command;
    }

    private static int Run(TextWriter output)
    {
        IReadOnlyList<DeviceInfo> devices = ComputeDevice.Enumerate();
        if (devices.Count == 0)
        {
            // Opening says how to get one on this system.
            ComputeDevice.Open(DeviceSelector.Automatic).Dispose();
        }

        var table = new Table().RoundedBorder();
        table.AddColumns("#", "Device", "Kind", "Platform", "Units", "Memory", "Local memory", "Driver");
        foreach (DeviceInfo device in devices)
        {
            DeviceCapabilities c = device.Capabilities;
            table.AddRow(
                new Text($"{device.Index}"),
                new Text(c.Name),
                new Text($"{c.Kind}"),
                new Text(c.PlatformName),
                new Text($"{c.ComputeUnits}"),
                new Text($"{c.GlobalMemoryBytes / (1 << 20)} MiB"),
                new Text($"{c.LocalMemoryBytes / (1 << 10)} KiB"),
                new Text(c.DriverVersion));
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = 200;
        }

        console.Write(table);
        return 0;
    }
}
