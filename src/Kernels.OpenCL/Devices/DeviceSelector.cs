using System.Globalization;

namespace Kernels.OpenCL;

/// <summary>What a user asks for when a device is to be chosen. Immutable.</summary>
public sealed class DeviceSelector
{
    /// <summary>The environment variable that <see cref="FromEnvironment"/> reads.</summary>
    public const string EnvironmentVariable = "KERNELS_DEVICE";

    private static readonly DeviceKind[] Preference = [DeviceKind.Gpu, DeviceKind.Accelerator, DeviceKind.Cpu, DeviceKind.Other];

    private readonly string text;
    private readonly string? origin;
    private readonly Form form;
    private readonly DeviceKind kind;
    private readonly int ordinal;

    private DeviceSelector(string text, Form form, DeviceKind kind = DeviceKind.Other, int ordinal = 0, string? origin = null)
    {
        this.text = text;
        this.form = form;
        this.kind = kind;
        this.ordinal = ordinal;
        this.origin = origin;
    }

    private enum Form
    {
        Automatic,
        Kind,
        Index,
        Name,
    }

    /// <summary>A GPU, else an accelerator, else a CPU; the first in index order.</summary>
    public static DeviceSelector Automatic { get; } = new("auto", Form.Automatic);

    /// <summary>Reads what a user wrote. Never fails: a text that fits no other form is part of a name.</summary>
    /// <param name="text">
    /// "" or "auto": as <see cref="Automatic"/>. "cpu", "gpu", "accelerator": the first of the kind. "gpu:1": the second of the kind.
    /// "3" or "#3": by <see cref="DeviceInfo.Index"/>. "platform/device": the first whose names contain both parts. Anything else: the
    /// first device whose name, or whose platform's name, contains the text. Case does not matter.
    /// </param>
    public static DeviceSelector Parse(string text) => Parse(text, origin: null);

    /// <summary>What the variable <see cref="EnvironmentVariable"/> asks for; <see cref="Automatic"/> where it is not set.</summary>
    public static DeviceSelector FromEnvironment() =>
        Environment.GetEnvironmentVariable(EnvironmentVariable) is { } value ? Parse(value, EnvironmentVariable) : Automatic;

    /// <summary>Chooses among devices.</summary>
    /// <param name="devices">Such as <see cref="ComputeDevice.Enumerate"/> gives.</param>
    /// <exception cref="DeviceSelectionException">None of them is what is asked for.</exception>
    public DeviceInfo Select(IReadOnlyList<DeviceInfo> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        DeviceInfo[] ordered = [.. devices.OrderBy(device => device.Index)];
        DeviceInfo? found = form switch
        {
            Form.Automatic => Preference.Select(wanted => OfKind(ordered, wanted, 0)).FirstOrDefault(device => device is not null),
            Form.Kind => OfKind(ordered, kind, ordinal),
            Form.Index => Array.Find(ordered, device => device.Index == ordinal),
            _ => Named(ordered, text),
        };

        return found ?? throw new DeviceSelectionException(Explain(ordered));
    }

    /// <summary>The text that the selector was read from.</summary>
    public override string ToString() => text;

    private static DeviceSelector Parse(string text, string? origin)
    {
        ArgumentNullException.ThrowIfNull(text);
        string trimmed = text.Trim();
        if (trimmed.Length == 0 || trimmed.Equals("auto", StringComparison.OrdinalIgnoreCase))
        {
            return Automatic;
        }

        if (TryParseNumber(trimmed.StartsWith('#') ? trimmed.AsSpan(1) : trimmed, out int index))
        {
            return new(trimmed, Form.Index, ordinal: index, origin: origin);
        }

        int colon = trimmed.IndexOf(':');
        int ordinal = 0;
        if (TryParseKind(colon < 0 ? trimmed : trimmed.AsSpan(0, colon), out DeviceKind kind)
            && (colon < 0 || TryParseNumber(trimmed.AsSpan(colon + 1), out ordinal)))
        {
            return new(trimmed, Form.Kind, kind, ordinal, origin);
        }

        return new(trimmed, Form.Name, origin: origin);
    }

    private static bool TryParseNumber(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryParseKind(ReadOnlySpan<char> text, out DeviceKind kind)
    {
        bool Is(ReadOnlySpan<char> candidate, string word) => candidate.Equals(word, StringComparison.OrdinalIgnoreCase);
        kind = Is(text, "gpu") ? DeviceKind.Gpu : Is(text, "cpu") ? DeviceKind.Cpu : DeviceKind.Accelerator;
        return kind != DeviceKind.Accelerator || Is(text, "accelerator");
    }

    private static DeviceInfo? OfKind(DeviceInfo[] devices, DeviceKind kind, int ordinal) =>
        devices.Where(device => device.Capabilities.Kind == kind).ElementAtOrDefault(ordinal);

    private static DeviceInfo? Named(DeviceInfo[] devices, string text)
    {
        DeviceInfo? whole = Array.Find(
            devices, device => Contains(device.Capabilities.Name, text) || Contains(device.Capabilities.PlatformName, text));
        int slash = text.IndexOf('/');
        if (whole is not null || slash < 0)
        {
            return whole;
        }

        string platform = text[..slash].Trim();
        string name = text[(slash + 1)..].Trim();
        return Array.Find(
            devices, device => Contains(device.Capabilities.PlatformName, platform) && Contains(device.Capabilities.Name, name));
    }

    private static bool Contains(string name, string part) => name.Contains(part, StringComparison.OrdinalIgnoreCase);

    private string Explain(DeviceInfo[] devices)
    {
        string asked = origin is null ? $"\"{text}\"" : $"\"{text}\" (from {origin})";
        string list = devices.Length == 0 ? " none" : string.Concat(devices.Select(device => $"\n  {device}"));
        return $"No OpenCL device answers to {asked}. Devices of this machine:{list}\n"
            + "Ask with auto, cpu, gpu, accelerator, a kind and a number (gpu:1), an index (#0), "
            + "part of a device's or platform's name, or platform/device.";
    }
}
