using System.Collections.Immutable;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>Reads the machine's platforms and devices.</summary>
internal static class DeviceEnumerator
{
    /// <summary>All available devices of all platforms that answer.</summary>
    public static IReadOnlyList<DeviceInfo> Enumerate()
    {
        if (!OpenClLibrary.IsPresent)
        {
            return [];
        }

        SignalHandlers.BeforeDrivers();
        try
        {
            return ReadPlatforms();
        }
        finally
        {
            SignalHandlers.AfterDrivers();
        }
    }

    private static List<DeviceInfo> ReadPlatforms()
    {
        if (ClApi.GetPlatforms(out nint[] platforms) != ClStatus.Success)
        {
            return [];
        }

        List<DeviceInfo> found = [];
        for (int platformIndex = 0; platformIndex < platforms.Length; platformIndex++)
        {
            nint platform = platforms[platformIndex];
            if (ClApi.GetDevices(platform, out nint[] devices) != ClStatus.Success)
            {
                continue;
            }

            foreach (nint device in devices)
            {
                if (TryRead(platform, device, out DeviceCapabilities? capabilities))
                {
                    found.Add(new(platformIndex, found.Count, capabilities, platform, device));
                }
            }
        }

        return found;
    }

    private static bool TryRead(
        nint platform, nint device, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DeviceCapabilities? capabilities)
    {
        Reader reader = new(platform, device);
        capabilities = new()
        {
            Name = reader.Text(DeviceProperty.Name),
            Vendor = reader.Text(DeviceProperty.Vendor),
            PlatformName = reader.Text(PlatformProperty.Name),
            PlatformVersion = reader.Text(PlatformProperty.Version),
            DriverVersion = reader.Text(DeviceProperty.DriverVersion),
            OpenClVersion = reader.Text(DeviceProperty.Version),
            OpenClCVersion = reader.Text(DeviceProperty.OpenClCVersion),
            Kind = reader.Kind(),
            ComputeUnits = reader.Int(DeviceProperty.MaxComputeUnits),
            MaxWorkGroupSize = Saturate((ulong)reader.Value<nuint>(DeviceProperty.MaxWorkGroupSize)),
            MaxWorkItemSizes = reader.Sizes(DeviceProperty.MaxWorkItemSizes),
            LocalMemoryBytes = reader.Long(DeviceProperty.LocalMemorySize),
            HasDedicatedLocalMemory = ClApi.IsDedicatedLocalMemory(reader.Value<uint>(DeviceProperty.LocalMemoryType)),
            GlobalMemoryBytes = reader.Long(DeviceProperty.GlobalMemorySize),
            MaxAllocationBytes = reader.Long(DeviceProperty.MaxAllocationSize),
            NativeVectorWidthFloat = reader.Int(DeviceProperty.NativeVectorWidthFloat),
            PreferredVectorWidthFloat = reader.Int(DeviceProperty.PreferredVectorWidthFloat),
            MaxClockMHz = reader.Int(DeviceProperty.MaxClockFrequency),
            AddressBits = reader.Int(DeviceProperty.AddressBits),
            Extensions = [.. reader.Text(DeviceProperty.Extensions).Split(' ', StringSplitOptions.RemoveEmptyEntries)],
            HasUnifiedMemory = reader.Value<uint>(DeviceProperty.HostUnifiedMemory) != 0,
        };
        if (reader.IsSound && capabilities.Supports("cl_nv_device_attribute_query"))
        {
            capabilities = capabilities with
            {
                NvidiaComputeCapability = (reader.Int(DeviceProperty.NvidiaComputeCapabilityMajor) * 10)
                    + reader.Int(DeviceProperty.NvidiaComputeCapabilityMinor),
            };
        }

        return reader.IsSound && reader.Value<uint>(DeviceProperty.Available) != 0;
    }

    private static int Saturate(ulong value) => (int)Math.Min(value, int.MaxValue);

    /// <summary>Reads properties one after the other and remembers whether a necessary one failed.</summary>
    private sealed class Reader(nint platform, nint device)
    {
        public bool IsSound { get; private set; } = true;

        public string Text(DeviceProperty property)
        {
            IsSound &= ClApi.GetDeviceString(device, property, out string text) == ClStatus.Success;
            return text.Trim();
        }

        public string Text(PlatformProperty property)
        {
            IsSound &= ClApi.GetPlatformString(platform, property, out string text) == ClStatus.Success;
            return text.Trim();
        }

        public T Value<T>(DeviceProperty property)
            where T : unmanaged
        {
            IsSound &= ClApi.GetDeviceValue(device, property, out T value) == ClStatus.Success;
            return value;
        }

        public int Int(DeviceProperty property) => Saturate(Value<uint>(property));

        public long Long(DeviceProperty property) => (long)Math.Min(Value<ulong>(property), long.MaxValue);

        public DeviceKind Kind()
        {
            IsSound &= ClApi.GetDeviceKind(device, out DeviceKind kind) == ClStatus.Success;
            return kind;
        }

        public ImmutableArray<int> Sizes(DeviceProperty property)
        {
            IsSound &= ClApi.GetDeviceSizes(device, property, out nuint[] values) == ClStatus.Success;
            return [.. values.Select(value => Saturate(value))];
        }
    }
}
